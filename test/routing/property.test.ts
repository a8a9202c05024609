import { expect, test } from "bun:test";
import { cores } from "../support/cores.ts";
import { seedOfRun } from "../support/random.ts";
import { describeDifference, newTally, runTable } from "./compare.ts";

const tables = 2_400;
const probesPerTable = 50;

const seed = seedOfRun();
console.log(`route tables against their specification: ROBYN_SEED=${seed}`);

test("every core decides random tables as the specification does", () => {
  const tally = newTally();
  for (let index = 0; index < tables; index++) {
    const difference = runTable(cores, seed, index, probesPerTable, tally);
    if (difference !== undefined) throw new Error(describeDifference(difference, seed));
  }
  expect(tally.cases).toBeGreaterThanOrEqual(100_000);
  expect(tally.tables).toBeGreaterThanOrEqual(2_000);
  // A generator that hits nothing proves nothing.
  const { found, method_not_allowed, not_found, bad_path, bad_host, path_too_long } =
    tally.verdicts;
  expect(found).toBeGreaterThan(20_000);
  expect(method_not_allowed).toBeGreaterThan(2_000);
  expect(not_found).toBeGreaterThan(5_000);
  expect(bad_path).toBeGreaterThan(5_000);
  expect(bad_host).toBeGreaterThan(500);
  expect(path_too_long).toBeGreaterThan(20);
  expect(tally.refusals.conflict).toBeGreaterThan(200);
  expect(tally.refusals.pattern_invalid).toBeGreaterThan(200);
}, 60_000);
