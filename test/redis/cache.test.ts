/** `app.cache.invalidate()` of one cluster, seen from the other. */
import { describe, expect, test } from "bun:test";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { type Site, startPair } from "../support/redis-app.ts";
import type { Robyn } from "robyn";
import { until } from "../support/wait.ts";

let made = 0;
/** Another answer each time that it is computed. */
function define(app: Robyn): void {
  for (const name of ["users", "teams"])
    app.get(`/${name}`, { cache: { ttl: 600, tags: [name] } }, () => String(++made));
}

const ask = async (site: Site, path: string) => await (await fetch(site.served.url(path))).text();

describe.skipIf(!hasRedis)("kept answers of two clusters joined by Redis", () => {
  test("end in both, by tag, by path and all of them; others stay", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, {}, define);
    for (const invalidation of [{ tag: "users" }, { path: "/users" }]) {
      const [users, teams] = [await ask(here.other, "/users"), await ask(here.other, "/teams")];
      expect(await ask(here.other, "/users")).toBe(users);
      here.app.cache.invalidate(invalidation);
      await until("a new answer", async () => (await ask(here.other, "/users")) !== users);
      expect(await ask(here.other, "/teams")).toBe(teams);
    }
    const teams = await ask(here.other, "/teams");
    here.app.cache.invalidate({ all: true });
    await until("a new answer", async () => (await ask(here.other, "/teams")) !== teams);
  });

  test("that were invalidated without Redis end when there is one again", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, {}, define);
    await server.kill();
    await until("the loss to be seen", () => !here.joined.counts().connected);
    const before = await ask(here.other, "/users");
    here.app.cache.invalidate({ tag: "users" });
    expect(await ask(here.other, "/users")).toBe(before);
    await server.begin();
    await until("a new answer", async () => (await ask(here.other, "/users")) !== before, 15_000);
  }, 40_000);

  test("stay with `cache: false`", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, { cache: false }, define);
    const before = await ask(here.other, "/users");
    const far = await here.other.visit("x");
    here.app.cache.invalidate({ all: true });
    // Behind it on the same way: an invalidation would have come first.
    here.app.publish("x", "later");
    await far.socket.receives(1);
    expect(await ask(here.other, "/users")).toBe(before);
  });
});
