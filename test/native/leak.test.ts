import { expect, test } from "bun:test";
import { join } from "node:path";
import { bun } from "../support/process.ts";

/**
 * A million finds, 4,800 tables and 2,400 caches. A table or cache that is not freed costs 16 KiB or more, 20 MB over
 * the rounds that count; what the garbage collector varies by is 3 MB.
 */
const growth_bytes_max = 8 * 1024 * 1024;

test("memory stays where it is over a million finds and thousands of tables and caches", async () => {
  await using child = bun([join(import.meta.dir, "leak-rounds.ts")]);
  const { code, stdout, stderr } = await child.ended();
  expect([code, stderr]).toEqual([0, ""]);
  const sizes = stdout
    .trim()
    .split("\n")
    .map((line): number => JSON.parse(line).rss);
  expect(sizes).toHaveLength(8);
  // The first rounds warm up heaps and compilers.
  const settled = sizes.slice(3);
  const growth = settled.at(-1)! - settled[0]!;
  console.log(
    `resident memory by round, MB: ${sizes.map((it) => (it / 1e6).toFixed(1)).join(" ")}`,
  );
  expect(growth).toBeLessThan(growth_bytes_max);
}, 60_000);
