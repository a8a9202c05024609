/** The decisions of both cores, held against each other and against the simplest model that there is. */
import { describe, expect, test } from "bun:test";
import type { RateWindow } from "../../src/native/core.ts";
import { cores } from "../support/cores.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

const seed = seedOfRun();
const start = 1e12;

for (const core of cores) {
  const open = () => core.openSegment({ descriptor: undefined, slot: 0 });
  const limiterOf = (...windows: RateWindow[]) => open().rateLimits.limiter(windows);
  const windowOf = (interval_ns: number, burst: number, identity = "limit"): RateWindow => ({
    identity,
    interval_ns,
    burst,
  });

  describe(`rate limits of the ${core.name} core`, () => {
    test("spend a full quota, then one unit per interval, and say what is left and when", () => {
      const limiter = limiterOf(windowOf(100, 3));
      const ask = (now: number, cost = 1) => {
        limiter.ask(0, "a", cost);
        return [
          limiter.decide(now),
          limiter.remaining(0),
          limiter.reset_ns(0),
          limiter.retry_ns(0),
        ];
      };
      expect(ask(start)).toEqual([true, 2, 100, 0]);
      expect(ask(start)).toEqual([true, 1, 200, 0]);
      expect(ask(start)).toEqual([true, 0, 300, 0]);
      expect(ask(start)).toEqual([false, 0, 300, 100]);
      expect(ask(start + 99)).toEqual([false, 0, 201, 1]);
      expect(ask(start + 100)).toEqual([true, 0, 300, 0]);
      expect(ask(start + 250, 0)).toEqual([true, 1, 150, 0]);
      expect(ask(start + 250, 3)).toEqual([false, 1, 150, 150]);
      expect(ask(start + 400, 3)).toEqual([true, 0, 300, 0]);
      expect(ask(start + 10_000)).toEqual([true, 2, 100, 0]);
    });

    test("of several windows charge all or none, and pass over those that are not asked", () => {
      const limiter = limiterOf(windowOf(100, 9, "wide"), windowOf(1_000, 1, "narrow"));
      const ask = (narrow: boolean) => {
        limiter.ask(0, "a", 1);
        if (narrow) limiter.ask(1, "a", 1);
        else limiter.skip(1);
        return [limiter.decide(start), limiter.remaining(0)];
      };
      expect(ask(true)).toEqual([true, 8]);
      expect(ask(true)).toEqual([false, 8]);
      expect([limiter.retry_ns(0), limiter.retry_ns(1)]).toEqual([0, 1_000]);
      expect(ask(false)).toEqual([true, 7]);
      expect(ask(true)).toEqual([false, 7]);
    });

    test("keep keys and limits apart, also long keys that differ at their end only", () => {
      const { rateLimits } = open();
      const [one, other] = ["one", "other"].map((it) => rateLimits.limiter([windowOf(100, 1, it)]));
      const ask = (limiter: typeof one, key: string) => {
        limiter!.ask(0, key, 1);
        return limiter!.decide(start);
      };
      const long = "ä".repeat(5_000);
      for (const key of ["a", "b", "", "a\0", "日本", long, `${long}a`, "x".repeat(256)]) {
        expect([ask(one, key), ask(one, key), ask(other, key)]).toEqual([true, false, true]);
      }
      expect(ask(rateLimits.limiter([windowOf(100, 1, "one")]), "a")).toBe(false);
    });

    test("refuse a cost that no waiting would allow", () => {
      const limiter = limiterOf(windowOf(100, 2));
      limiter.ask(0, "a", 3);
      expect(() => limiter.decide(start)).toThrow(TypeError);
      limiter.ask(0, "a", 2);
      expect(limiter.decide(start)).toBe(true);
    });

    test("forget what has ended before what is in use, and count what they had to forget", () => {
      const { rateLimits } = open();
      const short = rateLimits.limiter([windowOf(1, 1, "short")]);
      const long = rateLimits.limiter([windowOf(1e12, 2, "long")]);
      const table = 7 * (core.name === "zig" ? 65_536 : 32_768);
      long.ask(0, "kept", 1);
      long.decide(start);
      for (let key = 0; key < 1.5 * table; key++) {
        short.ask(0, `short ${key}`, 1);
        expect(short.decide(start + key * 1e6)).toBe(true);
      }
      expect(rateLimits.evictions).toBe(0);
      long.ask(0, "kept", 0);
      long.decide(start + 1.5 * table * 1e6);
      expect(long.remaining(0)).toBe(1);
      for (let key = 0; key < 1.1 * table; key++) {
        long.ask(0, `long ${key}`, 1);
        long.decide(start + 1.5 * table * 1e6);
      }
      expect(rateLimits.evictions).toBeGreaterThan(0.05 * table);
    });

    test(`agree with counting in buckets that drip, seed ${seed}`, () => {
      const random = createRandom(seed);
      for (let round = 0; round < 60; round++) {
        const windows = Array.from({ length: 1 + random.below(4) }, (_, index) =>
          windowOf(1 + random.below(1_000), 1 + random.below(20), `${round} ${index}`),
        );
        const limiter = limiterOf(...windows);
        const model = windows.map((window) => new DrippingBuckets(window));
        let now = start;
        for (let step = 0; step < 300; step++) {
          now += random.chance(30) ? 0 : random.below(1_500);
          const asked = windows.map(({ burst }) =>
            random.chance(10)
              ? undefined
              : { key: random.pick(["a", "b", "c"]), cost: random.below(Math.min(burst, 4) + 1) },
          );
          for (const [index, it] of asked.entries()) {
            if (it === undefined) limiter.skip(index);
            else limiter.ask(index, it.key, it.cost);
          }
          const missing = asked.map((it, index) =>
            it === undefined ? 0 : model[index]!.missing(it.key, it.cost, now),
          );
          const isAllowed = missing.every((it) => it === 0);
          expect(limiter.decide(now)).toBe(isAllowed);
          for (const [index, it] of asked.entries()) {
            if (it === undefined) continue;
            if (isAllowed) model[index]!.take(it.key, it.cost);
            expect([limiter.remaining(index), limiter.retry_ns(index)]).toEqual([
              model[index]!.left(it.key),
              missing[index]!,
            ]);
          }
        }
      }
    });
  });
}

/** A bucket per key that holds `burst` units and gets one back per interval, drop by drop. */
class DrippingBuckets {
  readonly #window: RateWindow;
  readonly #used = new Map<string, { amount: number; at: number }>();

  constructor(window: RateWindow) {
    this.#window = window;
  }

  /** Nanoseconds until `cost` is there; 0: it is. */
  missing(key: string, cost: number, now: number): number {
    const bucket = this.#used.get(key) ?? { amount: 0, at: now };
    bucket.amount = Math.max(0, bucket.amount - (now - bucket.at));
    bucket.at = now;
    this.#used.set(key, bucket);
    return Math.max(0, bucket.amount - this.#capacity + cost * this.#window.interval_ns);
  }

  take(key: string, cost: number): void {
    this.#used.get(key)!.amount += cost * this.#window.interval_ns;
  }

  left(key: string): number {
    return Math.floor((this.#capacity - this.#used.get(key)!.amount) / this.#window.interval_ns);
  }

  get #capacity(): number {
    return this.#window.burst * this.#window.interval_ns;
  }
}
