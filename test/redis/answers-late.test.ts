/** Answers and invalidations that a cut cable held back, and a server that takes connections and then is silent. */
import { describe, expect, test } from "bun:test";
import type { Robyn } from "robyn";
import { askSite as ask, counting, stored } from "../support/answers.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";
import { Wire } from "../support/wire.ts";

const options = { version: "1" };
const patience_ms = 15_000;

describe.skipIf(!hasRedis)("a cable that is cut and healed", () => {
  test("brings an answer too late to be one", async () => {
    await using server = await RedisServer.start();
    using wire = new Wire(server.port);
    const gate = Promise.withResolvers<void>();
    let isRunning = false;
    await using here = await startSite(wire.url, options, (app) =>
      app.get("/", { cache: { ttl: 600, tags: ["a"] } }, async () => {
        isRunning = true;
        await gate.promise;
        return "early";
      }),
    );
    let made = 0;
    const define = (app: Robyn) =>
      app.get("/", { cache: { ttl: 600, tags: ["a"] } }, () => `late ${++made}`);
    await using other = await startSite(server.url, options, define);

    const early = ask(here, "/");
    // It has asked Redis, and found nothing.
    await until("the handler to run", () => isRunning);
    const { connections } = wire;
    wire.cut();
    gate.resolve();
    expect((await early).text).toBe("early");
    await until("another connection", () => wire.connections > connections, patience_ms);
    await until("it to be up", () => here.joined.counts().connected, patience_ms);
    other.app.cache.invalidate({ tag: "a" });
    expect((await ask(other, "/")).text).toBe("late 1");
    await stored(server, 1);
    const scripts = async () => {
      const commands = String(await server.ask("INFO", "commandstats"));
      return Number(/cmdstat_eval:calls=(\d+)/.exec(commands)?.[1]);
    };
    const before = await scripts();
    expect(wire.heal()).toBeGreaterThan(500);
    await until("it to have arrived", async () => (await scripts()) > before);
    await using later = await startSite(server.url, options, define);
    expect((await ask(later, "/")).text).toBe("late 1");
  }, 40_000);

  test("ends answers once more, and nobody misses an invalidation", async () => {
    await using server = await RedisServer.start();
    using wire = new Wire(server.port);
    await using here = await startSite(wire.url, options, counting());
    await using other = await startSite(server.url, options, counting());
    const before = await ask(other, "/users/1");
    await stored(server, 1);
    const { connections } = wire;
    wire.cut();
    here.app.cache.invalidate({ tag: "users" });
    // It is not taken from Redis, which has not heard of it.
    expect((await ask(here, "/users/1")).text).not.toBe(before.text);
    await until("another connection", () => wire.connections > connections, patience_ms);
    await until(
      "the news",
      async () => (await ask(other, "/users/1")).text !== before.text,
      patience_ms,
    );
    expect(here.app.cache.debts?.areOpen()).toBe(false);
    const now = await ask(other, "/users/1");
    wire.heal();
    await until("the end of it", async () => (await ask(other, "/users/1")).text !== now.text);
  }, 40_000);

  test("is tried again where the other end says hello and nothing else", async () => {
    await using server = await RedisServer.start();
    using wire = new Wire(server.port);
    wire.passes = 1;
    await using here = await startSite(wire.url, { ...options, timeout: 200 }, counting());
    expect(here.joined.counts().connected).toBe(false);
    await until("further attempts", () => wire.connections >= 4, patience_ms);
    expect((await ask(here, "/users/1")).origin).toStartWith("robyn; fwd=miss; stored");
    wire.passes = Number.POSITIVE_INFINITY;
    await until("a connection", () => here.joined.counts().connected, patience_ms);
  }, 40_000);
});
