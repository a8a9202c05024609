/** Ends of answers that lie in Redis: nobody who knows of an invalidation gets what was computed before it. */
import { describe, expect, test } from "bun:test";
import type { Robyn } from "robyn";
import { askSite as ask, counting, keysOf, stored } from "../support/answers.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair, startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

const version = { version: "1" };
const patience_ms = 15_000;

const owesNothing = ({ app }: { readonly app: Robyn }) => app.cache.debts?.areOpen() === false;

describe.skipIf(!hasRedis)("answers in Redis end", () => {
  test("by tag, path and all of them, for those who come later, too; others stay", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    const invalidations = [{ tag: "users" }, { path: "/users/1" }, { all: true }] as const;
    for (const invalidation of invalidations) {
      const [users, teams] = [await ask(here, "/users/1"), await ask(here, "/teams")];
      await stored(server, 2);
      here.app.cache.invalidate(invalidation);
      // At once where it was said.
      expect((await ask(here, "/users/1")).text).not.toBe(users.text);
      await using late = await startSite(server.url, version, counting());
      expect((await ask(late, "/users/1")).text).not.toBe(users.text);
      const isSame = (await ask(late, "/teams")).text === teams.text;
      expect(isSame).toBe(!("all" in invalidation));
    }
  });

  test("while they are being computed, whoever ends them", async () => {
    await using server = await RedisServer.start();
    const gate = Promise.withResolvers<void>();
    let runs = 0;
    await using here = await startPair(server.url, version, (app) =>
      app.get("/", { cache: { ttl: 60, tags: ["a"] } }, async () => {
        const run = ++runs;
        if (run === 1) await gate.promise;
        return String(run);
      }),
    );
    const first = ask(here, "/");
    await until("the handler to run", () => runs === 1);
    here.other.app.cache.invalidate({ tag: "a" });
    expect((await ask(here.other, "/")).text).toBe("2");
    await stored(server, 1);
    gate.resolve();
    expect((await first).text).toBe("1");
    await using late = await startSite(server.url, version, (app) =>
      app.get("/", { cache: 60 }, () => "3"),
    );
    expect((await ask(late, "/")).text).toBe("2");
  });

  test("on their way to who asks, if they are invalidated there meanwhile", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    const before = await ask(here, "/users/1");
    await stored(server, 1);
    server.pause();
    const asked = ask(here.other, "/users/1");
    await until("the question", () => here.other.app.cache.stats()!.misses === 1);
    here.other.app.cache.invalidate({ tag: "users" });
    server.resume();
    expect((await asked).text).not.toBe(before.text);
    expect(here.other.app.cache.stats()).toMatchObject({ fetched: 0 });
  });

  test("with FLUSHALL, and when what was invalidated is forgotten; what was under way is dropped", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    for (const forget of ["FLUSHALL", "DEL"]) {
      // Numbers are higher than those that come.
      for (let n = 0; n < 5; n++) here.app.cache.invalidate({ tag: "others" });
      const before = await ask(here, "/users/1");
      await stored(server, 1);
      await server.ask(forget, ...(forget === "DEL" ? await keysOf(server, "robyn:ends:*") : []));
      here.app.cache.invalidate({ tag: "users" });
      await using late = await startSite(server.url, version, counting());
      const now = await ask(late, "/users/1");
      expect(now.text).not.toBe(before.text);
      await until("the new one to be shared", async () => {
        await using later = await startSite(server.url, version, counting());
        return (await ask(later, "/users/1")).text === now.text;
      });
      await server.ask("FLUSHALL");
    }
  }, 30_000);

  test("with the server, also if it comes back with what it had stored long ago", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    const before = await ask(here, "/users/1");
    await stored(server, 1);
    await server.ask("SAVE");
    here.app.cache.invalidate({ tag: "users" });
    await server.kill();
    await server.begin();
    expect((await keysOf(server)).length).toBe(1);
    await until(
      "both to be connected, and to have told what they had to",
      () =>
        [here, here.other].every(({ joined }) => joined.counts().connected) && owesNothing(here),
      patience_ms,
    );
    const now = await ask(here.other, "/users/1");
    expect(now.text).not.toBe(before.text);
    await stored(server, 2);
    await until("it to be found", async () => {
      await using late = await startSite(server.url, version, counting());
      return (await ask(late, "/users/1")).text === now.text;
    });
  }, 40_000);

  test("when somebody invalidated without Redis, before he asks it again", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    const before = await ask(here, "/users/1");
    await stored(server, 1);
    // This one alone has no connection for a while: the answer stays where it is.
    const silenced = here.joined.counts().failures;
    await server.ask("CLIENT", "KILL", "TYPE", "pubsub");
    await until("the loss", () => here.joined.counts().failures > silenced);
    here.app.cache.invalidate({ tag: "users" });
    await until("a connection", () => here.joined.counts().connected, patience_ms);
    expect((await ask(here, "/users/1")).text).not.toBe(before.text);
    await until("a new answer", async () => {
      await using late = await startSite(server.url, version, counting());
      return (await ask(late, "/users/1")).text !== before.text;
    });
  }, 40_000);

  test("whatever happens in between: who knows of a change never sees what was before it", async () => {
    await using server = await RedisServer.start();
    const random = createRandom(seedOfRun());
    const values = [0, 0, 0, 0, 0, 0];
    const define = (app: Robyn) =>
      app.get(
        "/:id",
        { cache: { ttl: 600, tags: ({ params }) => [`id ${params.id}`] } },
        async ({ params }) => {
          const value = values[Number(params.id)];
          await Bun.sleep(random.below(3));
          return String(value);
        },
      );
    await using here = await startPair(server.url, version, define);
    const sites = [here, here.other];
    /** What each site has itself declared over. */
    const known = sites.map(() => values.map(() => 0));
    let fetched = 0;
    const work = async (rounds: number) => {
      // As long as it takes: how much is found depends on how long connections are missing.
      for (let round = 0; round < rounds || fetched <= 20; round++) {
        const [index, id] = [random.below(2), random.below(values.length)];
        const site = sites[index]!;
        if (random.below(25) === 0) {
          values[id]!++;
          site.app.cache.invalidate(random.below(10) === 0 ? { all: true } : { tag: `id ${id}` });
          known[index]![id] = values[id]!;
        } else {
          const least = known[index]![id]!;
          const { text, origin } = await ask(site, `/${id}`);
          if (origin?.startsWith("redis") === true) fetched++;
          expect([Number(text) >= least, index, id, text, least]).toEqual([
            true,
            index,
            id,
            text,
            least,
          ]);
        }
        if (random.below(1_000) === 0)
          await server.ask("CLIENT", "KILL", "TYPE", random.below(2) === 0 ? "pubsub" : "normal");
        if (random.below(1_000) === 0) await server.ask("FLUSHALL");
      }
    };
    await Promise.all(Array.from({ length: 8 }, () => work(500)));
    // And when it is quiet, everybody sees the last value.
    for (const [index, site] of sites.entries())
      for (const [id, value] of values.entries())
        await until(
          `the last value of ${id} at ${index}`,
          async () => (await ask(site, `/${id}`)).text === String(value),
          patience_ms,
        );
  }, 60_000);
});
