/**
 * `bun run chaos`: what goes wrong on purpose, at length. `--quick` is the short version that the test command runs;
 * `--seed <n>` replays a run, `--only <text>` takes the scenarios whose name contains it, `--count <n>` sets the rounds of
 * kills and reloads.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { busKills } from "./chaos/bus-kills.ts";
import { channelKills } from "./chaos/channel-kills.ts";
import { cuts } from "./chaos/cuts.ts";
import { exactness } from "./chaos/exactness.ts";
import { idleSockets } from "./chaos/idle-sockets.ts";
import { kills } from "./chaos/kills.ts";
import { killWriters } from "./chaos/limit-kills.ts";
import { reloads, whyNoNamespace } from "./chaos/reloads.ts";
import type { Report } from "./chaos/report.ts";
import { slow } from "./chaos/slow.ts";
import { soak } from "./chaos/soak.ts";
import { createRandom, seedOfPart, seedOfRun } from "./support/random.ts";
import { hasRedis } from "./support/redis.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seed: { type: "string" },
    only: { type: "string", default: "" },
    count: { type: "string" },
  },
});
const { quick, only } = values;
const seed = values.seed === undefined ? seedOfRun() : Number(values.seed);
const rounds = Number(values.count ?? (quick ? 2 : 100));
const replay = ["--seed", seed, "--count", rounds, ...(quick ? ["--quick"] : [])].join(" ");
console.log(`chaos: seed ${seed}, ${rounds} rounds; replay with ${replay}`);
if (process.platform !== "linux") {
  console.log("skipped: a cluster is Linux's\nchaos: done, 0 failures");
  process.exit(0);
}

/** Each with a seed of its own, so that one alone is what it is among all. */
const scenarios: Record<string, (seed: number) => Promise<Report>> = {
  exactness: () => exactness(quick ? 20_000 : 100_000),
  kills: (own) => kills(rounds, createRandom(own)),
  "writers of limits": (own) => limitKills(quick ? 40 : 1_000, own),
  "writers of the cache": (own) => cacheKills(own),
  "ends of channels": (own) => channelKills(quick ? 50 : 1_000, createRandom(own)),
  "ends of channels between clusters": (own) =>
    channelKills(quick ? 20 : 1_000, createRandom(own), true),
  // Five deaths in ten seconds are no crash loop yet; with more, the cluster itself would wait.
  "listeners that publish": (own) => busKills(rounds, quick ? 300 : 2_100, createRandom(own)),
  "idle sockets": () => idleSockets(quick ? shortIdle : longIdle),
  "reloads with migration": () => reloads(rounds, true),
  "reloads without migration": () => reloads(rounds, false),
  "cuts between clusters": () => cuts(rounds),
  soak: (own) => soak(quick ? 50_000 : 1_000_000, quick ? 20_000 : 100_000, createRandom(own)),
  "slow clients": () => slow(quick ? shortSlow : longSlow),
};
const shortIdle = { sockets: 1_000, seconds: 9, idleTimeout_s: 8 };
const longIdle = { sockets: 10_000, seconds: 600, idleTimeout_s: 120 };
const shortSlow = {
  ...{ count: 100, keepAliveTimeout: 5, timeout: 4 },
  ...{ upload: 120_000, waitsForReaders: false },
};
const longSlow = {
  ...{ count: 1_000, keepAliveTimeout: 10, timeout: 30 },
  ...{ upload: 2_000_000, waitsForReaders: true },
};

const noNamespace = whyNoNamespace();
let failed = 0;
for (const [index, [name, run]] of Object.entries(scenarios).entries()) {
  if (!name.includes(only)) continue;
  if (name.endsWith("between clusters") && !hasRedis) {
    console.log(`skipped: ${name}: there is no redis-server`);
    continue;
  }
  if (/^(reloads|cuts)/.test(name) && noNamespace !== undefined) {
    console.log(`skipped: ${name}: no network namespace: ${noNamespace}`);
    continue;
  }
  const startedAt = performance.now();
  const report = await run(seedOfPart(seed, index)).catch((error: unknown): Report => ({
    name,
    failures: [Bun.inspect(error)],
    figures: {},
  }));
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`\n${report.failures.length === 0 ? "ok" : "FAILED"}: ${report.name} (${seconds} s)`);
  for (const [what, figure] of Object.entries(report.figures)) console.log(`  ${what}: ${figure}`);
  for (const failure of report.failures) console.log(`  ${failure}`);
  failed += report.failures.length;
}
console.log(`\nchaos: done, ${failed} failures`);
process.exit(failed === 0 ? 0 : 1);

async function limitKills(count: number, own: number): Promise<Report> {
  const { mistakes, ...figures } = await killWriters(count, own);
  return {
    name: `processes that decide limits, ${count} of them killed`,
    failures: mistakes,
    figures,
  };
}

/** Held by `expect`, which is the test runner's. The short version is a test of its own (test/cache/cluster.test.ts). */
async function cacheKills(own: number): Promise<Report> {
  const name = "processes that write to the cache, 1,002 of them killed";
  if (quick)
    return { name, failures: [], figures: { "short version": "test/cache/cluster.test.ts" } };
  const file = join(import.meta.dir, "chaos", "cache.chaos.ts");
  const child = Bun.spawn([process.execPath, "test", "--timeout", "900000", file], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ROBYN_SEED: String(own) },
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const isGood = (await child.exited) === 0 && /^\s*1 pass$/m.test(stderr);
  return { name, failures: isGood ? [] : [stdout + stderr], figures: { seed: own } };
}
