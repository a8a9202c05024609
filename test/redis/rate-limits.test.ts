/** One contract, three keepers: the decisions of the segment, of the portable core and of a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AskedWindow, RateWindow } from "../../src/native/core.ts";
import { Connection } from "../../src/redis/connection.ts";
import { settingsOf } from "../../src/redis/options.ts";
import { RedisRateLimits } from "../../src/redis/rate-limits.ts";
import { cores } from "../support/cores.ts";
import { silentLogger } from "../support/log.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";

/** What was decided, and for each window what is left, until it is full, until it would be allowed. */
type Verdict = readonly [boolean, ...(readonly [number, number, number] | undefined)[]];
type Ask = (
  now_us: number,
  windows: readonly RateWindow[],
  asked: readonly (AskedWindow | undefined)[],
) => Promise<Verdict>;

interface Keeper {
  readonly name: string;
  /** With nothing in it. */
  open(): Ask;
}

const second = 1e9;
/** Keys in Redis end by the real clock: so far from it that none does during the test. */
const start = 1_000_000_000_000_000;

let server: RedisServer | undefined;
let connection: Connection | undefined;
let opened = 0;

const local = cores.map((core): Keeper => ({
  name: core.name,
  open() {
    const { rateLimits } = core.openSegment({ descriptor: undefined, slot: 0 });
    return async (now_us, windows, asked) => {
      const limiter = rateLimits.limiter(windows);
      for (const [index, it] of asked.entries()) {
        if (it === undefined) limiter.skip(index);
        else limiter.ask(index, it.key, it.cost);
      }
      // These keep nanoseconds on a clock that began with the machine.
      return verdictOf(limiter.decide((now_us - start) * 1_000 + 1e12), limiter, asked);
    };
  },
}));

const remote: Keeper = {
  name: "redis",
  open() {
    let now = start;
    const limits = new RedisRateLimits(connection!, `test${opened++}`, () => now);
    return async (now_us, windows, asked) => {
      now = now_us;
      const decision = await limits.decide(windows, asked);
      if (decision === undefined) throw new Error("Redis did not decide");
      return verdictOf(decision.isAllowed, decision, asked);
    };
  },
};

function verdictOf(
  isAllowed: boolean,
  decided: Record<"remaining" | "reset_ns" | "retry_ns", (index: number) => number>,
  asked: readonly (AskedWindow | undefined)[],
): Verdict {
  return [
    isAllowed,
    ...asked.map((it, index) =>
      it === undefined
        ? undefined
        : ([decided.remaining(index), decided.reset_ns(index), decided.retry_ns(index)] as const),
    ),
  ];
}

beforeAll(async () => {
  if (!hasRedis) return;
  server = await RedisServer.start();
  connection = new Connection({
    url: server.url,
    settings: settingsOf({}),
    logger: silentLogger,
    inbox: "inbox",
    channel: "all",
    onMessage() {},
    onUp() {},
    onBeat() {},
  });
  await connection.open();
});
afterAll(async () => {
  connection?.close();
  await server?.[Symbol.asyncDispose]();
});

const windowOf = (seconds: number, burst: number, identity = "limit"): RateWindow => ({
  identity,
  interval_ns: seconds * second,
  burst,
});

for (const { name, open } of [...local, remote]) {
  describe.skipIf(name === "redis" && !hasRedis)(`rate limits of ${name}`, () => {
    test("spend a full quota, then one unit per interval, and say what is left and when", async () => {
      const ask = open();
      const windows = [windowOf(100, 3)];
      const at = async (seconds: number, cost = 1) =>
        await ask(start + seconds * 1e6, windows, [{ key: "a", cost }]);
      const said = (isAllowed: boolean, left: number, full: number, wait: number): Verdict => [
        isAllowed,
        [left, full * second, wait * second],
      ];
      expect(await at(0)).toEqual(said(true, 2, 100, 0));
      expect(await at(0)).toEqual(said(true, 1, 200, 0));
      expect(await at(0)).toEqual(said(true, 0, 300, 0));
      expect(await at(0)).toEqual(said(false, 0, 300, 100));
      expect(await at(99)).toEqual(said(false, 0, 201, 1));
      expect(await at(100)).toEqual(said(true, 0, 300, 0));
      expect(await at(250, 0)).toEqual(said(true, 1, 150, 0));
      expect(await at(250, 3)).toEqual(said(false, 1, 150, 150));
      expect(await at(400, 3)).toEqual(said(true, 0, 300, 0));
      expect(await at(10_000)).toEqual(said(true, 2, 100, 0));
    });

    test("of several windows charge all or none, and pass over those that are not asked", async () => {
      const ask = open();
      const windows = [windowOf(100, 9, "wide"), windowOf(1_000, 1, "narrow")];
      const both = () => ask(start, windows, [one("a"), one("a")]);
      expect(await both()).toEqual([true, [8, 100 * second, 0], [0, 1_000 * second, 0]]);
      expect(await both()).toEqual([
        false,
        [8, 100 * second, 0],
        [0, 1_000 * second, 1_000 * second],
      ]);
      expect(await ask(start, windows, [one("a"), undefined])).toEqual([
        true,
        [7, 200 * second, 0],
        undefined,
      ]);
      expect(await ask(start, windows, [undefined, one("b")])).toEqual([
        true,
        undefined,
        [0, 1_000 * second, 0],
      ]);
    });

    test("keep keys and limits apart, also long keys that differ at their end only", async () => {
      const ask = open();
      const isAllowed = async (identity: string, key: string) =>
        (await ask(start, [windowOf(100, 1, identity)], [one(key)]))[0];
      const long = "ä".repeat(5_000);
      for (const key of ["a", "b", "", "a\0", "日本", long, `${long}a`, "x".repeat(256)]) {
        expect(await isAllowed("one", key)).toBe(true);
        expect(await isAllowed("one", key)).toBe(false);
        expect(await isAllowed("other", key)).toBe(true);
      }
    });

    test("refuse a cost that no waiting would allow", async () => {
      const ask = open();
      expect(ask(start, [windowOf(100, 2)], [{ key: "a", cost: 3 }])).rejects.toThrow(TypeError);
      expect((await ask(start, [windowOf(100, 2)], [{ key: "a", cost: 2 }]))[0]).toBe(true);
    });
  });
}

test.skipIf(!hasRedis)("all of them decide alike, whatever is asked", async () => {
  const random = createRandom(seedOfRun());
  const asks = [...local, remote].map(({ open }) => open());
  const windows = [windowOf(60, 5, "one"), windowOf(3_600, 20, "two"), windowOf(7, 3, "three")];
  let now = start;
  for (let round = 0; round < 500; round++) {
    now += random.below(20) * 1_000_000 + random.below(1_000_000);
    const asked = windows.map(({ burst }) =>
      random.below(4) === 0
        ? undefined
        : { key: `key${random.below(3)}`, cost: random.below(Math.min(4, burst + 1)) },
    );
    if (asked.every((it) => it === undefined)) continue;
    const [first, ...others] = await Promise.all(asks.map((ask) => ask(now, windows, asked)));
    for (const other of others) expect(other).toEqual(first!);
  }
});

test.skipIf(!hasRedis)("a key in Redis ends when its quota is full again", async () => {
  const limits = new RedisRateLimits(connection!, "ending");
  await limits.decide([windowOf(30, 10)], [{ key: "a", cost: 2 }]);
  const left_ms = await server!.ask("PTTL", "ending:limit:limit\0a");
  expect(left_ms).toBeWithin(30_000, 60_001);
});

function one(key: string): AskedWindow {
  return { key, cost: 1 };
}
