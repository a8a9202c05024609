/** A Redis that is killed, comes again, or is silent: each cluster goes on alone, and they find each other again. */
import { describe, expect, test } from "bun:test";
import { rateLimit } from "robyn";
import { Connection } from "../../src/redis/connection.ts";
import { settingsOf } from "../../src/redis/options.ts";
import { recordingLogger } from "../support/log.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair, startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

const patience_ms = 15_000;

describe.skipIf(!hasRedis)("without Redis", () => {
  test("a cluster serves, delivers to its own, counts what it drops, and is joined again later", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url);
    const { other } = here;
    const near = await here.visit("all");
    const far = await other.visit("all");
    await until("presence", () => here.app.presence("all").count === 2);

    await server.kill();
    await until("the loss to be seen", () => !here.joined.counts().connected);
    for (let n = 0; n < 10; n++) here.app.publish("all", `alone ${n}`);
    await near.socket.receives(10);
    expect(here.joined.counts().dropped).toBeGreaterThanOrEqual(10);
    expect(here.joined.counts().failures).toBeGreaterThanOrEqual(1);
    // Those of whom nothing is heard are gone, and who comes or leaves meanwhile is told later.
    await until("the other to be forgotten", () => here.app.presence("all").count === 1);
    expect(here.app.send(far.id, "too far")).toBe(false);
    const late = await other.visit("all");
    far.socket.close();

    await server.begin();
    await until(
      "both to be connected again",
      () => here.joined.counts().connected && other.joined.counts().connected,
      patience_ms,
    );
    await until("the present ones", () => here.app.presence("all").count === 2);
    expect(here.app.presence("all").members.map(({ id }) => id)).toEqual([near.id, late.id]);
    here.app.publish("all", "together");
    expect((await late.socket.receives(1)).at(-1)).toBe("together");
  }, 40_000);

  test("for a moment only, presence and messages are complete again, whatever was lost", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url);
    for (const [count, type] of ["pubsub", "normal"].entries()) {
      await server.ask("CLIENT", "KILL", "TYPE", type);
      const far = await here.other.visit("all");
      await until(
        "who came meanwhile",
        () => here.app.presence("all").count === count + 1,
        patience_ms,
      );
      await until("a message to arrive", () => {
        here.app.publish("all", "hello");
        return far.socket.messages.length > 0;
      });
    }
    await server.ask("FLUSHALL");
    await using late = await startSite(server.url);
    await until("those who were there", () => late.app.presence("all").count === 2, patience_ms);
  }, 40_000);

  test("an application starts, and is joined when there is one", async () => {
    await using server = await RedisServer.start();
    await server.kill();
    await using here = await startSite(server.url);
    await using other = await startSite(server.url);
    const far = await other.visit("x");
    expect(here.joined.counts().connected).toBe(false);
    await server.begin();
    await until(
      "a message to arrive",
      () => {
        here.app.publish("x", "hello");
        return far.socket.messages.length > 0;
      },
      patience_ms,
    );
  }, 40_000);

  test.each(["m".repeat(1_000), "€".repeat(333)])(
    "that is silent without being closed, what waits (%#) is bounded in bytes and the connection is given up",
    async (message) => {
      await using server = await RedisServer.start();
      await using here = await startPair(server.url, { buffer: 100_000, heartbeat: 300 });
      const near = await here.visit("x");
      const { dropped } = here.joined.counts();
      server.pause();
      for (let n = 0; n < 1_000; n++) here.app.publish("x", message);
      await near.socket.receives(1_000);
      expect(here.joined.counts().dropped - dropped).toBeWithin(850, 1_001);
      await until(
        "the connection to be given up",
        () => !here.joined.counts().connected,
        patience_ms,
      );
      server.resume();
      const far = await here.other.visit("x");
      await until(
        "a message to arrive",
        () => {
          here.app.publish("x", "again");
          return far.socket.messages.includes("again");
        },
        patience_ms,
      );
    },
    40_000,
  );

  test("rate limits are those of each cluster, and no request waits for long", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, { timeout: 200 }, (app) => {
      app.beforeRequest(
        rateLimit({ name: "few", limit: 2, window: 3_600, by: { header: "x-key" } }),
      );
      app.get("/", () => "ok");
    });
    const ask = async (site = here.served, key = "a") =>
      (await fetch(site.url("/"), { headers: { "x-key": key } })).status;
    expect([
      await ask(),
      await ask(here.other.served),
      await ask(),
      await ask(here.other.served),
    ]).toEqual([200, 200, 429, 429]);
    server.pause();
    // One request waits for the time limit; those behind it know better.
    const began = performance.now();
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
    for (let n = 0; n < 20; n++) await ask(here.served, String(n));
    expect(performance.now() - began).toBeLessThan(10 * 200);
    expect(here.joined.counts().fallbacks).toBeGreaterThanOrEqual(23);
    server.resume();
    await until(
      "limits to be shared again",
      async () => {
        const key = crypto.randomUUID();
        for (let n = 0; n < 2; n++) await ask(here.other.served, key);
        return (await ask(here.served, key)) === 429;
      },
      patience_ms,
    );
  }, 40_000);

  test("that is there for moments only, the log is told once, and when there was a sign of life", async () => {
    await using server = await RedisServer.start();
    const log = recordingLogger();
    let ups = 0;
    const connection = new Connection({
      url: server.url,
      settings: settingsOf({ heartbeat: 1_500 }),
      logger: log,
      inbox: "inbox",
      channel: "channel",
      onMessage() {},
      onUp: () => void ups++,
      onBeat() {},
    });
    await connection.open();
    for (let n = 1; n <= 3; n++) {
      await until("a connection", () => connection.isUp && ups === n);
      await server.ask("CLIENT", "KILL", "TYPE", "pubsub");
      await until("its loss", () => connection.failures === n);
    }
    await until("the line that it is back", () => log.records.at(-1)?.level === "info");
    expect(log.records.map(({ level }) => level)).toEqual(["warn", "info"]);
    connection.close();
  });
});
