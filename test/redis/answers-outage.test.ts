/** Kept answers while Redis is away or silent: each cluster computes for itself, and nobody waits for long. */
import { describe, expect, test } from "bun:test";
import { askSite as ask, counting, keysOf, stored } from "../support/answers.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair, startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

const patience_ms = 15_000;

describe.skipIf(!hasRedis)("answers of a cluster", () => {
  test("are its own while Redis is away, and shared again later", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, { version: "1" }, counting());
    await server.kill();
    await until("the loss to be seen", () => !here.other.joined.counts().connected);
    const near = await ask(here, "/users/1");
    const far = await ask(here.other, "/users/1");
    for (const { origin } of [near, far]) expect(origin).toBe("robyn; fwd=miss; stored; ttl=600");
    expect(far.text).not.toBe(near.text);
    expect((await ask(here, "/users/1")).text).toBe(near.text);
    await server.begin();
    await until(
      "an answer to be found",
      async () => {
        const path = `/users/${crypto.randomUUID()}`;
        const { text } = await ask(here, path);
        return (await ask(here.other, path)).text === text;
      },
      patience_ms,
    );
  }, 40_000);

  test("wait once for a Redis that is silent, not once per request", async () => {
    await using server = await RedisServer.start();
    const options = { version: "1", timeout: 500, heartbeat: 60_000 };
    await using here = await startPair(server.url, options, counting());
    await ask(here, "/users/1");
    await stored(server, 1);
    server.pause();
    const began = performance.now();
    expect((await ask(here, "/users/2")).origin).toStartWith("robyn; fwd=miss; stored");
    expect(performance.now() - began).toBeGreaterThan(400);
    for (let id = 3; id < 40; id++) await ask(here, `/users/${id}`);
    expect(performance.now() - began).toBeLessThan(10 * 500);
    server.resume();
    await until("answers to be found again", async () => {
      const path = `/users/${crypto.randomUUID()}`;
      const { text } = await ask(here, path);
      return (await ask(here.other, path)).text === text;
    });
  }, 40_000);

  test("whose routes have little time wait for less, and that is said of no other question", async () => {
    await using server = await RedisServer.start();
    const options = { version: "1", timeout: 10_000, heartbeat: 60_000 };
    await using here = await startPair(server.url, options, (app) =>
      app.get("/:id", { cache: 600, timeout: 1 }, ({ params }) => params.id),
    );
    const decide = () =>
      here.joined.rateLimits!.decide(
        [{ identity: "one", interval_ns: 1e9, burst: 100 }],
        [{ key: "a", cost: 1 }],
      );
    expect((await decide())?.isAllowed).toBe(true);
    server.pause();
    const began = performance.now();
    expect((await ask(here, "/0")).origin).toStartWith("robyn; fwd=miss; stored");
    expect(performance.now() - began).toBeWithin(200, 1_000);
    for (let id = 1; id < 20; id++) await ask(here, `/${id}`);
    expect(performance.now() - began).toBeLessThan(10 * 250);
    const decision = decide();
    server.resume();
    expect((await decision)?.isAllowed).toBe(true);
    await until("answers to be found again", async () => {
      const path = `/${crypto.randomUUID()}`;
      await ask(here, path);
      return (await ask(here.other, path)).origin?.startsWith("redis") === true;
    });
  }, 40_000);

  test("that Redis does not take are dropped and counted, and kept here all the same", async () => {
    await using server = await RedisServer.start();
    const options = { version: "1", buffer: 1_000_000, heartbeat: 60_000 };
    const requests = 30;
    const gate = Promise.withResolvers<void>();
    let running = 0;
    await using here = await startPair(server.url, options, (app) => {
      app.get("/:id", { cache: 600 }, async ({ params }) => {
        // All questions have been answered; the answers find nobody.
        if (++running === requests) {
          server.pause();
          gate.resolve();
        }
        await gate.promise;
        return params.id + "x".repeat(100_000);
      });
    });
    const { dropped } = here.joined.counts();
    const texts = await Promise.all(
      Array.from({ length: requests }, async (_, id) => (await ask(here, `/${id}`)).text),
    );
    // Half of the room is for what has to be told; the server may still take some before it stops.
    expect(here.joined.counts().dropped - dropped).toBeWithin(15, 27);
    for (const [id, text] of texts.entries()) {
      const again = await ask(here, `/${id}`);
      expect(again).toMatchObject({ text });
      expect(again.origin).toStartWith("robyn; hit");
    }
    server.resume();
  }, 40_000);

  test("are counted when they come from elsewhere", async () => {
    await using server = await RedisServer.start();
    await using here = await startSite(server.url, { version: "1" }, counting());
    await using other = await startSite(server.url, { version: "1" }, (app) => {
      counting()(app);
      app.metrics("/metrics");
    });
    await ask(here, "/users/1");
    await stored(server, 1);
    await ask(other, "/users/1");
    const { text } = await ask(other, "/metrics");
    expect(text).toContain("\nrobyn_cache_fetched_total 1\n");
    expect(text).toContain('\nrobyn_cache_requests_total{result="miss"} 1\n');
  });

  test("are computed where what lies in Redis is no answer", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, { version: "1" }, counting());
    for (const [id, meta] of ["no JSON", "{}", '[[], "[200, []]", false]'].entries()) {
      await ask(here, `/users/${id}`);
      await stored(server, 1);
      const [key] = await keysOf(server);
      await server.ask("HSET", key!, "meta", meta, "body", "no Base64!");
      const { origin, status } = await ask(here.other, `/users/${id}`);
      expect([status, origin]).toEqual([200, "robyn; fwd=miss; stored; ttl=600"]);
      await until("it to be kept", async () => (await server.ask("HGET", key!, "meta")) !== meta);
      await server.ask("DEL", key!);
    }
  });
});
