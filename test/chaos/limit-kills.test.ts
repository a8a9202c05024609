/** The short version of `limit-kills.ts`, whose long one kills a thousand. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { seedOfRun } from "../support/random.ts";
import { killWriters } from "./limit-kills.ts";

setDefaultTimeout(120_000);

const seed = seedOfRun();

test.skipIf(process.platform !== "linux")(
  `processes that are killed while they decide leave no wrong count and nothing to wait for, seed ${seed}`,
  async () => {
    const verdict = await killWriters(40, seed);
    expect(verdict.mistakes).toEqual([]);
    expect(verdict.kills).toBe(40);
    // Otherwise it would have tested nothing.
    expect(verdict.passed).toBeGreaterThan(10_000);
    expect(verdict.entries).toBeGreaterThan(10_000);
  },
);
