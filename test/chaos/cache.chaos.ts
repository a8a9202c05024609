/** The long version of the kill test of the shared cache: `bun test --timeout 600000 ./test/chaos/cache.chaos.ts`. */
import { expect, test } from "bun:test";
import { killWriters } from "../support/kill-cache.ts";
import { seedOfRun } from "../support/random.ts";

test("a thousand processes that are killed while they write leave nothing torn and nothing held", async () => {
  const seed = seedOfRun();
  console.log(`ROBYN_SEED=${seed}`);
  const { found } = await killWriters(1_002, seed);
  expect(found).toBeGreaterThan(2_000);
});
