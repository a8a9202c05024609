/** Producers, those who hand over, and consumers of one channel in two clusters, killed. The long version is in test/chaos. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { killAndCount } from "../channel/kill.ts";
import { hasZigCore } from "../support/native.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";

setDefaultTimeout(60_000);
const isPossible = hasRedis && hasZigCore && process.platform === "linux";

describe.skipIf(!isPossible)("kill -9 in two clusters", () => {
  test("loses nothing of a channel, and repeats only what was not acknowledged", async () => {
    const seed = seedOfRun();
    console.log(`channel kills in two clusters: ROBYN_SEED=${seed}`);
    await using server = await RedisServer.start();
    const { accepted, lives } = await killAndCount(20, createRandom(seed), server.url);
    expect(lives).toBeGreaterThan(10);
    expect(accepted).toBeGreaterThan(lives);
  });
});
