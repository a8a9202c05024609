/** The clock of the segment counts whole nanoseconds: a fraction is lost when seconds are added, and 60 s become 61. */
import { expect, spyOn, test } from "bun:test";
import { loadCore } from "../../src/native/load.ts";
import { silentLogger } from "../support/log.ts";

const open = (name: "zig" | "portable") =>
  loadCore(name, silentLogger).openSegment({ descriptor: undefined, slot: 0 });

test.each(["zig", "portable"] as const)("%s: whole, and never back", (name) => {
  const segment = open(name);
  const times = Array.from({ length: 1_000 }, () => segment.now());
  segment.close();
  expect(times.filter((time) => !Number.isSafeInteger(time))).toEqual([]);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
});

test("portable: whole also where milliseconds are no whole nanoseconds as a product", () => {
  expect(8.000087 * 1e6).toBe(8000087.000000001);
  const segment = open("portable");
  using _clock = spyOn(performance, "now").mockReturnValue(8.000087);
  expect(segment.now()).toBe(8_000_087);
});
