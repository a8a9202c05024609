/** Keeps the benchmark from rotting: it runs tiny here, and its figures are not looked at. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { loads, sample } from "./run.ts";

const hasProc = existsSync("/proc/self/stat");

for (const load of loads) {
  for (const subject of ["bare", "robyn"] as const) {
    test.skipIf(!hasProc)(
      `${load.name}: ${subject} answers rightly while it is timed`,
      async () => {
        const { rate } = await sample(subject, load, 0.2, 4);
        expect(rate).toBeGreaterThan(0);
      },
      30_000,
    );
  }
}
