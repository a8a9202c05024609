/** One contract, three keepers: kept answers in the segment, in the portable core and in a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Invalidation } from "robyn";
import type { Core, SharedAnswer } from "../../src/native/core.ts";
import { cores } from "../support/cores.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

interface Begun {
  /** What is there, and fresh. */
  readonly found: SharedAnswer | undefined;
  /** Resolves when everybody sees it who may. */
  keep(answer: SharedAnswer): Promise<void>;
}

/** One who keeps, finds and ends answers. Points in time are those of his own clock. */
interface Party {
  now(): number;
  begin(key: string): Promise<Begun>;
  end(what: Invalidation): Promise<void>;
}

interface Keeper {
  readonly name: string;
  /** Two that share what they keep, with nothing in it. */
  open(): Promise<readonly [Party, Party]>;
}

const local = cores.map((core): Keeper => ({ name: core.name, open: async () => sharedBy(core) }));

function sharedBy(core: Core): [Party, Party] {
  const store = core.openSegment({ descriptor: undefined, slot: 0 }).cache();
  const cellsOf = (names: readonly string[]) => names.map((name) => store.cellOf(name));
  const party: Party = {
    now: () => store.now(),
    async begin(key) {
      const born = store.latest();
      const found = store.get(key);
      return {
        found: found && { ...found, names: [] },
        async keep({ names, ...answer }) {
          const { freshUntil } = answer;
          store.put(key, { ...answer, born, staleUntil: freshUntil, cells: cellsOf(names) });
        },
      };
    },
    end: async (what) => store.invalidate(cellsOf(namesOf(what))),
  };
  return [party, party];
}

let server: RedisServer | undefined;
const opened: AsyncDisposable[] = [];

const remote: Keeper = {
  name: "redis",
  async open() {
    const pair = await startPair(
      server!.url,
      { version: "1", prefix: `contract${opened.length}` },
      (app) => app.get("/", { cache: 60 }, () => ""),
    );
    opened.push(pair);
    // Machines that were started at different times.
    const clocks = [2e9, 9e15].map((start) => () => performance.now() * 1e6 + start);
    const parties = [pair, pair.other].map(({ app }, index): Party => {
      const [now, shared] = [clocks[index]!, app.cache.remote!];
      const look = async (key: string) => {
        const looked = await shared.look(key, now, 4_000);
        if (looked === undefined) throw new Error("Redis did not answer");
        return looked;
      };
      return {
        now,
        async begin(key) {
          const { found, keep } = await look(key);
          return {
            found,
            async keep(answer) {
              keep(answer);
              // Behind it on the same way.
              await look("barrier");
            },
          };
        },
        async end(what) {
          app.cache.invalidate(what);
          await until("it to arrive", () => app.cache.debts?.areOpen() === false);
        },
      };
    });
    return [parties[0]!, parties[1]!];
  },
};

beforeAll(async () => {
  if (hasRedis) server = await RedisServer.start();
});
afterAll(async () => {
  for (const pair of opened) await pair[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const second = 1e9;

/** @param party whose clock it is on */
function answer(party: Party, text: string, names: readonly string[] = ["path /"]): SharedAnswer {
  const storedAt = party.now();
  const body = new TextEncoder().encode(text);
  return { storedAt, freshUntil: storedAt + 600 * second, names, head: `[200,["${text}"]]`, body };
}

const textAt = async (party: Party, key: string) => {
  const { found } = await party.begin(key);
  return found && new TextDecoder().decode(found.body);
};

for (const { name, open } of [...local, remote]) {
  describe.skipIf(name === "redis" && !hasRedis)(`answers kept by ${name}`, () => {
    test("are found by their key, the latest of each", async () => {
      const [one, other] = await open();
      const keys = [
        "/a",
        "/a\n",
        "/A",
        "",
        "\0",
        "日本 😀",
        "x".repeat(8_192),
        `${"x".repeat(8_191)}y`,
      ];
      for (const key of keys) {
        const begun = await one.begin(key);
        expect(begun.found).toBeUndefined();
        await begun.keep(answer(one, `first ${keys.indexOf(key)}`));
      }
      await (await other.begin("/a")).keep(answer(other, "second 0"));
      expect(await textAt(one, "/a")).toBe("second 0");
      for (const [index, key] of keys.entries())
        if (index > 0) expect(await textAt(other, key)).toBe(`first ${index}`);
      expect(await textAt(other, "/b")).toBeUndefined();
    });

    test("come back byte for byte", async () => {
      const [one, other] = await open();
      const heads = ["[204,[]]", '[200,[["x-é","ÿ\\u0000"],["y","日本"]]]'];
      const bodies = [
        new Uint8Array(),
        Uint8Array.from({ length: 256 }, (_, n) => n),
        new TextEncoder().encode("\uFEFF\0日本😀\r\n"),
        // A part of something longer, cut in the middle of a character.
        new TextEncoder().encode("ab日本").subarray(1, 4),
        new Uint8Array(200_000).fill(0xe9),
      ];
      for (const head of heads)
        for (const [index, body] of bodies.entries()) {
          const key = `${head} ${index}`;
          await (await one.begin(key)).keep({ ...answer(one, ""), head, body });
          const { found } = await other.begin(key);
          expect([found?.head, found?.body.length]).toEqual([head, body.length]);
          expect(Buffer.compare(found!.body, body)).toBe(0);
        }
    });

    test("are as old there as here, and no longer fresh", async () => {
      const [one, other] = await open();
      const kept = answer(one, "old");
      await (
        await one.begin("/")
      ).keep({
        ...kept,
        storedAt: kept.storedAt - second,
        freshUntil: kept.storedAt + 60 * second,
      });
      const before = other.now();
      const { found } = await other.begin("/");
      const left = found!.freshUntil - before;
      expect(left).toBeWithin(50 * second, 60 * second + 1);
      expect(left + (before - found!.storedAt)).toBeWithin(61 * second - 1e6, 61 * second + 1e6);
    });

    test("end when their time is over", async () => {
      const [one, other] = await open();
      const kept = answer(one, "short");
      await (await one.begin("/")).keep({ ...kept, freshUntil: kept.storedAt + second / 4 });
      const end = performance.now() + 250;
      await until("its end", async () => (await textAt(other, "/")) === undefined);
      expect(performance.now()).toBeGreaterThan(end - 50);
      // What comes too late is none.
      await (await one.begin("/")).keep({ ...kept, freshUntil: one.now() - second });
      expect(await textAt(other, "/")).toBeUndefined();
    });

    test("end by path, by tag and together, whoever says it", async () => {
      const [one, other] = await open();
      const tags = Array.from({ length: 31 }, (_, n) => `tag t${n}`);
      const all: Record<string, readonly string[]> = {
        "/a": ["path /a", "tag x"],
        "/a?b": ["path /a"],
        "/c": ["path /c", "tag x", "tag ", "tag y z"],
        "/d": ["path /d", ...tags],
      };
      const cases: [Invalidation, string[]][] = [
        [{ path: "/a" }, ["/a", "/a?b"]],
        [{ tag: "x" }, ["/a", "/c"]],
        [{ tag: ["y z", "nobody"] }, ["/c"]],
        [{ tag: "" }, ["/c"]],
        [{ tag: "t30" }, ["/d"]],
        [{ all: true }, Object.keys(all)],
      ];
      for (const [what, ended] of cases) {
        for (const [key, names] of Object.entries(all))
          await (await one.begin(key)).keep(answer(one, key, names));
        await other.end(what);
        for (const party of [one, other])
          for (const key of Object.keys(all))
            expect([what, key, await textAt(party, key)]).toEqual([
              what,
              key,
              ended.includes(key) ? undefined : key,
            ]);
      }
    });

    test("that were begun before they were ended are none", async () => {
      const [one, other] = await open();
      for (const what of [{ tag: "x" }, { path: "/" }, { all: true }] as const) {
        const early = await one.begin("/");
        await other.end(what);
        const late = await one.begin("/");
        await early.keep(answer(one, "early", ["path /", "tag x"]));
        expect(await textAt(other, "/")).toBeUndefined();
        await late.keep(answer(one, "late", ["path /", "tag x"]));
        expect(await textAt(other, "/")).toBe("late");
        await early.keep(answer(one, "too early", ["path /", "tag x"]));
        expect(await textAt(other, "/")).toBe("late");
        await other.end({ all: true });
      }
    });
  });
}

test.skipIf(!hasRedis)("all of them find the same, whatever happened before", async () => {
  const random = createRandom(seedOfRun());
  const keepers = await Promise.all([...local, remote].map(({ open }) => open()));
  /** By the key: what was begun on each, and whose clock it is on. */
  const begun = new Map<string, (readonly [Party, Begun])[]>();
  const [keys, tags] = [
    ["/a", "/b", "/c"],
    ["x", "y"],
  ];
  for (let round = 0; round < 400; round++) {
    const [key, tag] = [keys[random.below(keys.length)]!, tags[random.below(tags.length)]!];
    const by = random.below(2);
    const parties = keepers.map((pair) => pair[by]!);
    const chance = random.below(10);
    if (chance === 0) {
      const whats: Invalidation[] = [{ tag }, { path: key }, { all: true }];
      const what = whats[random.below(3)]!;
      await Promise.all(parties.map((party) => party.end(what)));
    } else if (chance < 4) {
      begun.set(
        key,
        await Promise.all(parties.map(async (party) => [party, await party.begin(key)] as const)),
      );
    } else if (chance < 7) {
      const text = String(round);
      const names = [`path ${key}`, `tag ${tag}`];
      const those = begun.get(key) ?? [];
      begun.delete(key);
      await Promise.all(those.map(([party, it]) => it.keep(answer(party, text, names))));
    } else {
      const [first, ...others] = await Promise.all(parties.map((party) => textAt(party, key)));
      for (const it of others) expect([round, key, it]).toEqual([round, key, first]);
    }
  }
});

function namesOf(what: Invalidation): string[] {
  if ("path" in what) return [`path ${what.path}`];
  if ("tag" in what) return [what.tag].flat().map((tag) => `tag ${tag}`);
  return [];
}
