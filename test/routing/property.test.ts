/**
 * Holds the cores against the specification on random tables. Runs as a process of its own (`bun run fuzz`, cut
 * short): a failed assertion in Zig ends the process, and must cost one test, not the answers of all others.
 */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { bun } from "../support/process.ts";
import { seedOfRun } from "../support/random.ts";
import type { Tally } from "./compare.ts";

const cases = 120_000;
const seed = seedOfRun();
console.log(`route tables against their specification: ROBYN_SEED=${seed}`);

test("every core decides random tables as the specification does", async () => {
  const { code, stdout, stderr } = await fuzz();
  if (code !== 0) throw new Error(stderr.includes("differs") ? stderr : await lastCase(stderr));
  const tally: Tally = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  expect(tally.cases).toBeGreaterThanOrEqual(100_000);
  expect(tally.tables).toBeGreaterThanOrEqual(2_000);
  // A generator that hits nothing proves nothing.
  const { verdicts, refusals } = tally;
  expect(verdicts.found).toBeGreaterThan(20_000);
  expect(verdicts.method_not_allowed).toBeGreaterThan(2_000);
  expect(verdicts.not_found).toBeGreaterThan(5_000);
  expect(verdicts.bad_path).toBeGreaterThan(5_000);
  expect(verdicts.bad_host).toBeGreaterThan(500);
  expect(verdicts.path_too_long).toBeGreaterThan(20);
  expect(refusals.conflict).toBeGreaterThan(200);
  expect(refusals.pattern_invalid).toBeGreaterThan(200);
}, 60_000);

async function fuzz(...more: string[]) {
  const script = join(import.meta.dir, "..", "fuzz.ts");
  const size = ["--cases", String(cases), "--seed", String(seed)];
  await using child = bun([script, ...size, ...more], {
    env: { ROBYN_LIBRARY: process.env.ROBYN_LIBRARY },
  });
  return await child.ended();
}

/** The process died: the same run once more, writing each case down first. */
async function lastCase(stderr: string): Promise<string> {
  using folder = temporaryFolder();
  const file = join(folder.path, "case");
  await fuzz("--trace", file);
  const found = existsSync(file) ? readFileSync(file, "utf8") : "  (it did not happen again)";
  return `a core ended the process (replay with ROBYN_SEED=${seed}) on\n${found}\n${stderr.slice(0, 400)}`;
}
