/** Whom a request is counted for. */
import { describe, expect, test } from "bun:test";
import { type RateLimitOptions, Robyn, type RobynOptions } from "robyn";
import { addressKey } from "../../src/middleware/rate-limit-key.ts";
import { silentLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";

describe("an address", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "20010db800010002/64"],
    ["2001:db8:1:2::", "20010db800010002/64"],
    ["2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "20010db800010002/64"],
    ["2001:db8:1:3::1", "20010db800010003/64"],
    ["fe80::1%eth0", "fe80000000000000/64"],
    ["::1", "0000000000000000/64"],
  ])("%s is counted as %s", (text, key) => {
    expect(addressKey(text, 64)).toBe(key);
  });

  test.each([
    [128, "20010db8000100020003000400050006/128"],
    [56, "20010db8000100/56"],
    [60, "20010db800010000/60"],
    [62, "20010db800010000/62"],
    [1, "00/1"],
    [48, "20010db80001/48"],
  ])("of IPv6 counts by its first %i bits", (prefix, key) => {
    expect(addressKey("2001:db8:1:2:3:4:5:6", prefix)).toBe(key);
  });

  test("that nobody knows is one for all, and no other", () => {
    expect(addressKey(null, 64)).toBe("-");
  });
});

describe("a limit", () => {
  const window = { limit: 1, window: 3_600 };
  const newApp = (options: RateLimitOptions, settings: RobynOptions = {}) => {
    const app = new Robyn({ logger: silentLogger, ...settings });
    app.beforeRequest(({ state, request }) => {
      const id = request.headers.get("x-user");
      if (id !== null) state.identity = id === "number" ? 7 : id === "object" ? { id: 7 } : id;
    });
    return app.get("/", { rateLimit: options }, () => "in");
  };
  const ask = async (app: Robyn, headers: Record<string, string> = {}) =>
    (await app.request("/", { headers })).status;

  test("by header counts each value alone", async () => {
    const app = newApp({ ...window, by: { header: "X-Api-Key" } });
    expect(await ask(app, { "x-api-key": "a" })).toBe(200);
    expect(await ask(app, { "x-api-key": "b" })).toBe(200);
    expect(await ask(app, { "x-api-key": "a" })).toBe(429);
    expect(await ask(app, { "x-api-key": "" })).toBe(200);
  });

  test("by identity counts what a hook found out: a text, a number, or the id of an object", async () => {
    const app = newApp({ ...window, by: "identity" });
    expect(await ask(app, { "x-user": "ada" })).toBe(200);
    expect(await ask(app, { "x-user": "bob" })).toBe(200);
    expect(await ask(app, { "x-user": "ada" })).toBe(429);
    expect(await ask(app, { "x-user": "number" })).toBe(200);
    expect(await ask(app, { "x-user": "object" })).toBe(429);
  });

  test("by a function counts what it returns, and fails for what is no key", async () => {
    const app = newApp({ ...window, by: ({ headers }) => headers.get("x-team") ?? undefined });
    expect(await ask(app, { "x-team": "a" })).toBe(200);
    expect(await ask(app, { "x-team": "a" })).toBe(429);
    const wrong = newApp({ ...window, by: (async () => "a") as never });
    expect(await ask(wrong)).toBe(500);
  });

  test("counts those without a key by address, together, or not at all", async () => {
    const by = { header: "x-api-key" };
    const byAddress = newApp({ ...window, by }, { trustedProxies: [] });
    expect([await ask(byAddress), await ask(byAddress)]).toEqual([200, 429]);
    const together = newApp({ ...window, by, withoutKey: "share" });
    expect([await ask(together), await ask(together)]).toEqual([200, 429]);
    const free = newApp({ ...window, by, withoutKey: "allow" });
    expect([await ask(free), await ask(free)]).toEqual([200, 200]);
    expect((await free.request("/")).headers.has("ratelimit")).toBe(false);
  });

  test("does not take a key for an address, whatever a client sends", async () => {
    const app = newApp({ ...window, by: { header: "x-api-key" } });
    expect([await ask(app), await ask(app)]).toEqual([200, 429]);
    for (const key of ["-", "127.0.0.1", "=-"])
      expect(await ask(app, { "x-api-key": key })).toBe(200);
  });

  test("by address sees the client behind trusted proxies, and nobody else's word", async () => {
    const app = quietApp({ trustedProxies: ["loopback"] });
    app.get("/", { rateLimit: window }, () => "in");
    await using server = await serveApp(app);
    const from = async (address: string) =>
      (await fetch(server.url(), { headers: { "x-forwarded-for": address } })).status;
    expect(await from("203.0.113.7")).toBe(200);
    expect(await from("203.0.113.8")).toBe(200);
    expect(await from("::ffff:203.0.113.7")).toBe(429);
    expect(await from("2001:db8::1")).toBe(200);
    expect(await from("2001:db8::2")).toBe(429);
    expect(await from("2001:db8:0:1::1")).toBe(200);
    const direct = quietApp();
    direct.get("/", { rateLimit: window }, () => "in");
    await using other = await serveApp(direct);
    const spoof = async (address: string) =>
      (await fetch(other.url(), { headers: { "x-forwarded-for": address } })).status;
    expect([await spoof("203.0.113.7"), await spoof("203.0.113.8")]).toEqual([200, 429]);
  });
});
