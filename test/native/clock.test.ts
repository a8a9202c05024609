/** The clock of the segment, with both cores. */
import { expect, test } from "bun:test";
import { loadCore } from "../../src/native/load.ts";
import { silentLogger } from "../support/log.ts";

test.each(["zig", "portable"] as const)("%s counts whole nanoseconds", (name) => {
  const segment = loadCore(name, silentLogger).openSegment({ descriptor: undefined, slot: 0 });
  const times = Array.from({ length: 1_000 }, () => segment.now());
  segment.close();
  // A sum of a fraction and some seconds is rounded, and may then be further away than they are.
  expect(times.filter((time) => !Number.isSafeInteger(time))).toEqual([]);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
});
