/** Answers that one cluster has computed, as the other gets them: two applications that only Redis joins. */
import { describe, expect, test } from "bun:test";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair, startSite } from "../support/redis-app.ts";
import { askSite as ask, counting, keysOf, stored } from "../support/answers.ts";
import { until } from "../support/wait.ts";

const version = { version: "1" };

describe.skipIf(!hasRedis)("an answer that one cluster has computed", () => {
  test("is found by the others, which keep it and say where it was", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    const first = await ask(here, "/users/1");
    expect(first.origin).toBe("robyn; fwd=miss; stored; ttl=600");
    await stored(server, 1);
    const far = await ask(here.other, "/users/1");
    expect(far.text).toBe(first.text);
    expect(far.origin).toMatch(/^redis; hit; ttl=(\d+), robyn; fwd=miss; stored; ttl=\1$/);
    expect(here.other.app.cache.stats()).toMatchObject({ fetched: 1, misses: 1, stored: 0 });
    await server.kill();
    const again = await ask(here.other, "/users/1");
    expect(again).toMatchObject({ text: first.text });
    expect(again.origin).toMatch(/^robyn; hit; ttl=\d+$/);
  });

  test("comes byte for byte, with its status and headers", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const answers: Record<string, () => Response> = {
      "/bytes": () => new Response(bytes, { headers: { "content-type": "image/x-own" } }),
      "/text": () => new Response("\uFEFF日本\0😀\r\n", { headers: { "x-name": "é ÿ" } }),
      "/nothing": () => new Response(null, { status: 204, headers: { "x-a": "1, 2" } }),
      "/gone": () => new Response("gone", { status: 410 }),
    };
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, (app) => {
      for (const [path, make] of Object.entries(answers)) app.get(path, { cache: 60 }, make);
    });
    for (const path of Object.keys(answers)) await ask(here, path);
    await stored(server, 4);
    for (const [path, make] of Object.entries(answers)) {
      const made = make();
      const response = await fetch(here.other.served.url(path), {
        headers: { host: "app.example" },
      });
      expect(response.headers.get("cache-status")).toStartWith("redis; hit");
      expect(response.status).toBe(made.status);
      for (const [name, value] of made.headers) expect(response.headers.get(name)).toBe(value);
      expect(await response.bytes()).toEqual(await made.bytes());
    }
  });

  test("goes to Redis only if it is kept here, and is short enough", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, (app) => {
      const keep = { cache: 60 };
      app.get("/cookie", keep, ({ setCookie }) => void setCookie("a", "b"));
      app.get("/private", keep, ({ responseHeaders }) => {
        responseHeaders.set("cache-control", "private");
        return "mine";
      });
      app.get("/failed", keep, () => new Response("no", { status: 500 }));
      app.get("/identity", keep, ({ request }) => String(request.headers.get("cookie")));
      app.get("/long", keep, () => "x".repeat(262_145));
      app.get("/last", keep, () => "last");
    });
    for (const path of ["/cookie", "/private", "/failed", "/long"]) await ask(here, path);
    await ask(here, "/identity", { cookie: "session=secret" });
    await ask(here, "/identity", { authorization: "Bearer secret" });
    await ask(here, "/last");
    // Behind the others on the same way.
    await stored(server, 1);
    expect((await ask(here.other, "/identity", { cookie: "session=own" })).text).toBe(
      "session=own",
    );
    expect((await ask(here.other, "/last")).origin).toStartWith("redis; hit");
    expect((await ask(here.other, "/long")).origin).toStartWith("robyn; fwd=miss; stored");
  });

  test("lies there without the query and the headers that it was asked for with", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, (app) =>
      app.get("/page", { cache: { ttl: 60, vary: ["x-group"] } }, () => "open"),
    );
    const given = { "x-group": "hidden-group" };
    await ask(here, "/page?token=hidden-token", given);
    await stored(server, 1);
    const [key] = await keysOf(server);
    const fields = JSON.stringify(await server.ask("HGETALL", key!));
    expect(fields).toContain("open");
    expect(`${(await keysOf(server, "*")).join()} ${fields}`).not.toContain("hidden");
    expect((await ask(here.other, "/page?token=hidden-token", given)).origin).toStartWith("redis");
    expect((await ask(here.other, "/page?token=other", given)).origin).toStartWith("robyn; fwd");
  });

  test("is not shared where Redis does not say who it is; invalidations are", async () => {
    await using server = await RedisServer.start();
    await server.ask("ACL", "SETUSER", "default", "-info");
    await using here = await startPair(server.url, version, counting());
    const [near, far] = [await ask(here, "/users/1"), await ask(here.other, "/users/1")];
    expect(far.origin).toStartWith("robyn; fwd=miss");
    expect(await keysOf(server)).toEqual([]);
    here.app.cache.invalidate({ tag: "users" });
    await until("a new answer", async () => (await ask(here.other, "/users/1")).text !== far.text);
    expect((await ask(here, "/users/1")).text).not.toBe(near.text);
  });

  test("is not for clusters of another version; they hear of invalidations all the same", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(server.url, version, counting());
    await using next = await startSite(server.url, { version: "2" }, counting());
    await using without = await startSite(server.url, {}, counting());
    const sites = [here, next, without];
    const answers: string[] = [];
    for (const site of sites) answers.push((await ask(site, "/users/1")).text);
    expect(new Set(answers).size).toBe(3);
    await stored(server, 2);
    without.app.cache.invalidate({ tag: "users" });
    await until("new answers", async () => {
      const now = await Promise.all(sites.map((site) => ask(site, "/users/1")));
      return now.every(({ text }, index) => text !== answers[index]);
    });
    const far = await ask(here.other, "/users/1");
    expect(far.text).toBe((await ask(here, "/users/1")).text);
  });

  test("that is stale is renewed by one of all clusters, if the others come later", async () => {
    await using server = await RedisServer.start();
    const policy = { ttl: 1, staleWhileRevalidate: 600 };
    await using here = await startPair(server.url, version, counting(policy));
    const first = (await ask(here, "/users/1")).text;
    await stored(server, 1);
    expect((await ask(here.other, "/users/1")).text).toBe(first);
    // Nobody serves it as fresh for longer than its second: it ends in Redis with it.
    await stored(server, 0);
    const { fetched } = here.other.app.cache.stats()!;
    await until(
      "an answer that was fetched",
      async () => {
        for (const site of [here, here.other]) await ask(site, "/users/1");
        return here.other.app.cache.stats()!.fetched > fetched;
      },
      15_000,
    );
  }, 30_000);

  test("takes its place in Redis from the oldest when there are too many", async () => {
    await using server = await RedisServer.start();
    await using here = await startPair(
      server.url,
      { ...version, cacheSize: 1_048_576 },
      (app) =>
        void app.get("/:id", { cache: 600 }, ({ params }) => params.id + "x".repeat(200_000)),
    );
    for (let id = 0; id < 20; id++) await ask(here, `/${id}`);
    await until("the last one", async () => {
      const counts = await server.ask(
        "HGET",
        (await keysOf(server, "robyn:ends:*"))[0]!,
        "written",
      );
      return counts === "20";
    });
    expect((await keysOf(server)).length).toBe(5);
    expect((await ask(here.other, "/19")).origin).toStartWith("redis; hit");
    expect((await ask(here.other, "/0")).origin).toStartWith("robyn; fwd=miss");
    for (const key of await keysOf(server, "robyn:*"))
      expect([key, await server.ask("PTTL", key)]).not.toEqual([key, -1]);
  });
});
