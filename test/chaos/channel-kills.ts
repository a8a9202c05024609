/**
 * The long version of the kills in test/channel: `bun test/chaos/channel-kills.ts [kills] [redis]`, 1,000 of them without
 * the argument; with the last word, in two clusters that a Redis joins. `ROBYN_SEED` replays a run as far as random
 * instants of real processes can be.
 */
import { killAndCount } from "../channel/kill.ts";
import { createRandom, type Random, seedOfRun } from "../support/random.ts";
import { RedisServer } from "../support/redis.ts";
import type { Report } from "./report.ts";

export async function channelKills(
  kills: number,
  random: Random,
  isShared = false,
): Promise<Report> {
  const where = isShared ? "a channel of two clusters" : "a channel";
  const name = `kill -9 of producers and consumers of ${where}, ${kills} times`;
  try {
    await using server = isShared ? await RedisServer.start() : undefined;
    const { accepted, repeated, lives } = await killAndCount(kills, random, server?.url);
    const figures = {
      accepted,
      "lives of producers": lives,
      "lost, out of order, or repeated after their acknowledgement": 0,
      "repeated from unacknowledged batches": repeated,
    };
    return { name, failures: [], figures };
  } catch (error) {
    return { name, failures: [Bun.inspect(error)], figures: {} };
  }
}

if (import.meta.main) {
  const seed = seedOfRun();
  console.log(`ROBYN_SEED=${seed}`);
  const report = await channelKills(
    Number(process.argv[2] ?? 1_000),
    createRandom(seed),
    process.argv[3] === "redis",
  );
  console.log(report);
  process.exit(report.failures.length === 0 ? 0 : 1);
}
