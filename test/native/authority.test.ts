import { expect, test } from "bun:test";
import { join } from "node:path";
import { bun } from "../support/process.ts";

test("no byte of an authority, wherever it stands, changes what the path is or ends the process", async () => {
  await using child = bun([join(import.meta.dir, "authority.ts")]);
  const { code, stdout, stderr } = await child.ended();
  expect([code, stdout.trim().split("\n").at(-1), stderr.slice(0, 600)]).toEqual([
    0,
    expect.stringContaining("hosts of 40 bytes"),
    "",
  ]);
}, 30_000);
