/** The grid of histograms: its bound is promised, so it is tried on values of every size. */
import { expect, test } from "bun:test";
import { steps, stepOf, upperEnd } from "../../src/metrics/buckets.ts";
import { quantile } from "../../src/cli/top/view.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

const seed = seedOfRun();

test(`the middle of a step is at most 6.25 % from every value in it (ROBYN_SEED=${seed})`, () => {
  const random = createRandom(seed);
  for (let round = 0; round < 200_000; round++) {
    const value = 2 ** (random.below(70) - 30) * (1 + random.below(2 ** 30) / 2 ** 30);
    const step = stepOf(value);
    if (value <= 2 ** -30) continue;
    const upper = upperEnd(step);
    const lower = upperEnd(step - 1);
    if (!(value > lower && value <= upper))
      throw new Error(`${value} is not in ${lower} to ${upper}`);
    const middle = (lower + upper) / 2;
    if (Math.abs(middle - value) / value > 1 / 16)
      throw new Error(`${value} is far from ${middle}`);
  }
});

test("ends of steps ascend, and each belongs to its step", () => {
  for (let step = 0; step < steps; step++) {
    const end = upperEnd(step);
    expect(stepOf(end)).toBe(step);
    expect(stepOf(end * (1 + Number.EPSILON))).toBe(step + 1);
  }
});

test("what is outside of the grid is below or above it, never in it", () => {
  for (const value of [0, -0, -1, NaN, -Infinity, 5e-324, 2 ** -30]) expect(stepOf(value)).toBe(-1);
  for (const value of [2 ** 40 * (1 + Number.EPSILON), 1e300, Infinity])
    expect(stepOf(value)).toBe(steps);
  expect(stepOf(2 ** 40)).toBe(steps - 1);
});

test(`quantiles are within 6.25 % of those of the values themselves (ROBYN_SEED=${seed})`, () => {
  const random = createRandom(seed + 1);
  for (let round = 0; round < 50; round++) {
    const values = Array.from({ length: 1 + random.below(500) }, () =>
      Math.exp(random.below(1_000_000) / 1e5 - 8),
    ).sort((left, right) => left - right);
    const counts = new Map<number, number>();
    for (const value of values) {
      const end = upperEnd(stepOf(value));
      counts.set(end, (counts.get(end) ?? 0) + 1);
    }
    for (const of of [0.5, 0.9, 0.99]) {
      const exact = values[Math.ceil(of * values.length) - 1]!;
      expect(Math.abs(quantile(counts, of) - exact) / exact).toBeLessThanOrEqual(1 / 16);
    }
  }
});
