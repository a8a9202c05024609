/**
 * `bun run chaos`: what goes wrong on purpose, at length. `--quick` is the short version that the test command runs;
 * `--seed <n>` replays a run, `--only <text>` takes the scenarios whose name contains it, `--count <n>` sets the rounds.
 */
import { parseArgs } from "node:util";
import { cuts } from "./chaos/cuts.ts";
import { kills } from "./chaos/kills.ts";
import { reloads, whyNoNamespace } from "./chaos/reloads.ts";
import type { Report } from "./chaos/report.ts";
import { hasRedis } from "./support/redis.ts";
import { createRandom, seedOfRun } from "./support/random.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seed: { type: "string" },
    only: { type: "string", default: "" },
    count: { type: "string" },
  },
});
const seed = values.seed === undefined ? seedOfRun() : Number(values.seed);
const rounds = Number(values.count ?? (values.quick ? 2 : 100));
console.log(`chaos: seed ${seed}, ${rounds} rounds; replay with --seed ${seed} --count ${rounds}`);

const scenarios: Record<string, () => Promise<Report>> = {
  kills: () => kills(rounds, createRandom(seed)),
  "reloads with migration": () => reloads(rounds, true),
  "reloads without migration": () => reloads(rounds, false),
  "cuts between clusters": () => cuts(rounds),
};
const noNamespace = whyNoNamespace();
let failed = 0;
for (const [name, run] of Object.entries(scenarios)) {
  if (!name.includes(values.only)) continue;
  if (name.startsWith("cuts") && !hasRedis) {
    console.log(`skipped: ${name}: there is no redis-server`);
    continue;
  }
  if (!name.startsWith("kills") && noNamespace !== undefined) {
    console.log(`skipped: ${name}: no network namespace: ${noNamespace}`);
    continue;
  }
  const report = await run();
  console.log(`\n${report.failures.length === 0 ? "ok" : "FAILED"}: ${report.name}`);
  for (const [what, figure] of Object.entries(report.figures)) console.log(`  ${what}: ${figure}`);
  for (const failure of report.failures) console.log(`  ${failure}`);
  failed += report.failures.length;
}
console.log(`\nchaos: done, ${failed} failures`);
process.exit(failed === 0 ? 0 : 1);
