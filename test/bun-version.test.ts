/** The oldest Bun that is served, and what a still older one is told. */
import { describe, expect, test } from "bun:test";
import { engines } from "../package.json" with { type: "json" };
import { checkBunVersion, oldestBun } from "../src/bun-version.ts";
import { RobynError } from "../src/errors.ts";

describe("an older Bun is refused in one sentence and a fix", () => {
  test.each(["1.4.3", "1.3.99", "1.4.0", "0.9.0", "1.4.4-canary.1"])("%s", (version) => {
    let error: unknown;
    try {
      checkBunVersion(version);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RobynError);
    expect(error).toMatchObject({
      code: "ROBYN_BUN_TOO_OLD",
      message:
        `robyn needs Bun 1.4.4 or newer, this is ${version}. ` +
        'Run "bun upgrade" or "npm install -g bun". [ROBYN_BUN_TOO_OLD]',
    });
  });
});

test.each(["1.4.4", "1.4.5", "1.4.10", "1.10.0", "2.0.0", "1.5.0-canary.7"])(
  "%s is served",
  (version) => {
    expect(() => checkBunVersion(version)).not.toThrow();
  },
);

test("the running Bun is served", () => {
  expect(() => checkBunVersion(Bun.version)).not.toThrow();
});

test("package.json asks for the same Bun", () => {
  expect(engines.bun).toBe(`>=${oldestBun}`);
});
