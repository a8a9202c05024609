/** The short versions of `bun run chaos`, each a test. Those of the writers are tests elsewhere. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { projectRoot } from "../support/native.ts";
import { bun } from "../support/process.ts";
import { seedOfRun } from "../support/random.ts";

setDefaultTimeout(120_000);

const seed = seedOfRun();

test
  .skipIf(process.platform !== "linux")
  .each(["exactness", "kills", "reloads", "soak", "slow clients"])(
  `%s: nothing happens that must not (ROBYN_SEED=${seed})`,
  async (name) => {
    const args = ["--quick", "--only", name, "--seed", String(seed)];
    await using child = bun([join(projectRoot, "test", "chaos.ts"), ...args]);
    await child.prints(/chaos: done/, "stdout", 110_000);
    const { code, stdout } = await child.ended();
    console.log(stdout);
    expect(stdout).not.toContain("FAILED");
    expect(stdout).toMatch(/^(ok|skipped):/m);
    expect(code).toBe(0);
  },
);
