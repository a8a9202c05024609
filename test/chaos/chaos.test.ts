/** The short version of `bun run chaos`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { projectRoot } from "../support/native.ts";
import { bun } from "../support/process.ts";

setDefaultTimeout(60_000);

test.skipIf(process.platform !== "linux")(
  "two rounds of each scenario: nothing fails that must not",
  async () => {
    await using child = bun([join(projectRoot, "test", "chaos.ts"), "--quick"]);
    await child.prints(/chaos: done/, "stdout", 50_000);
    const { code, stdout } = await child.ended();
    console.log(stdout);
    expect(stdout).not.toContain("FAILED");
    expect(code).toBe(0);
  },
);
