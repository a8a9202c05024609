/**
 * `bun run fuzz`: the property test of the route tables, for as long as you like.
 *
 * @example bun run fuzz --cases 5000000 --seed 42
 */
import { parseArgs } from "node:util";
import { describeDifference, newTally, runTable } from "./routing/compare.ts";
import { cores, zigFailure } from "./support/cores.ts";
import { seedOfRun } from "./support/random.ts";

const probesPerTable = 50;
const { values } = parseArgs({
  options: { cases: { type: "string", default: "5000000" }, seed: { type: "string" } },
});
const cases = toWholeNumber("cases", values.cases);
const seed = values.seed === undefined ? seedOfRun() : toWholeNumber("seed", values.seed);

if (zigFailure !== undefined) fail(zigFailure);
console.log(
  `${cases.toLocaleString("en")} cases on ${cores.map(({ name }) => name).join(" and ")}, seed ${seed}`,
);

const tally = newTally();
const startedAt = Date.now();
let reportedAt = startedAt;
for (let index = 0; tally.cases < cases; index++) {
  const difference = runTable(cores, seed, index, probesPerTable, tally);
  if (difference !== undefined) fail(describeDifference(difference, seed));
  if (Date.now() - reportedAt >= 2_000) report(index);
}
report(tally.tables - 1);
console.log(tally.verdicts, tally.refusals);

function report(index: number): void {
  reportedAt = Date.now();
  const seconds = (reportedAt - startedAt) / 1_000;
  const share = Math.min(100, (100 * tally.cases) / cases).toFixed(0);
  console.log(
    `${share} %: ${tally.cases.toLocaleString("en")} cases, table ${index}, ${seconds.toFixed(0)} s`,
  );
}

function toWholeNumber(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return fail(`--${name} is ${JSON.stringify(text)}; it takes a whole number`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
