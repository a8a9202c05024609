/**
 * `bun run fuzz`: the property test of the route tables, for as long as you like. Ends with 0, or with 1 and one route
 * table and one URL. Should a core take the whole process with it, `--trace` names the file that holds the last case.
 *
 * @example bun run fuzz --cases 5000000 --seed 42
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeDifference, newTally, quote, runTable, type Trace } from "./routing/compare.ts";
import { cores, zigFailure } from "./support/cores.ts";
import { seedOfRun } from "./support/random.ts";

const probesPerTable = 50;
const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "5000000" },
    seed: { type: "string" },
    trace: { type: "string" },
  },
});
const cases = toWholeNumber("cases", values.cases);
const seed = values.seed === undefined ? seedOfRun() : toWholeNumber("seed", values.seed);
const { trace: file } = values;
const trace: Trace | undefined =
  file === undefined
    ? undefined
    : (table, { method, url }) =>
        writeFileSync(file, `  table    ${quote(table)}\n  request  ${quote([method, url])}`);

if (zigFailure !== undefined) fail(zigFailure);
const names = cores.map(({ name }) => name).join(" and ");
console.log(`${cases.toLocaleString("en")} cases on ${names}, seed ${seed}`);

const tally = newTally();
const startedAt = Date.now();
let reportedAt = startedAt;
for (let index = 0; tally.cases < cases; index++) {
  const difference = runTable(cores, seed, index, probesPerTable, tally, trace);
  if (difference !== undefined) fail(describeDifference(difference, seed));
  if (Date.now() - reportedAt >= 2_000) report();
}
report();
console.log(JSON.stringify(tally));

function report(): void {
  reportedAt = Date.now();
  const seconds = ((reportedAt - startedAt) / 1_000).toFixed(0);
  const share = Math.min(100, (100 * tally.cases) / cases).toFixed(0);
  console.log(
    `${share} %: ${tally.cases.toLocaleString("en")} cases, ${tally.tables} tables, ${seconds} s`,
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
