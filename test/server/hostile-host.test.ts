/** `Host` values that are no host (RFC 9112 §3.2): `new URL(request.url)` throws for most of them. */
import { describe, expect, test } from "bun:test";
import { request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";

const victim = startVictim((app) => {
  app.get("/", () => "root");
  app.get("/url", ({ url }) => url.href);
  app.get("/const", { const: true }, () => "const");
  app.get("/admin", () => "admin");
});

const invalid = ["", "a b<>", "x/admin?", "x/admin#", "u@x", "x:99999", "x\\admin", "é.com"];

describe("an invalid Host is answered 400, whatever the route does", () => {
  test.each(invalid)("%j", async (host) => {
    for (const target of ["/", "/url", "/missing"]) {
      const { status, headers, text } = await victim.get(target, { Host: host });
      expect(status).toBe(400);
      expect(headers["content-type"]).toBe("application/problem+json");
      expect(JSON.parse(text).detail).toBe("the Host header is not one valid host");
    }
    expect(victim.log.errors()).toBe("");
  });
});

test("no Host on HTTP/1.1 is answered 400", async () => {
  expect((await victim.exchange("GET / HTTP/1.1\r\n\r\n")).status).toBe(400);
});

test("no Host on HTTP/1.0 is legal", async () => {
  const { status, text } = await victim.exchange("GET / HTTP/1.0\r\n\r\n");
  expect({ status, text }).toEqual({ status: 200, text: "root" });
});

test("no Host on HTTP/1.0 still gives the handler a URL", async () => {
  const { status, text } = await victim.exchange("GET /url?a=1 HTTP/1.0\r\n\r\n");
  expect(status).toBe(200);
  expect(new URL(text).pathname + new URL(text).search).toBe("/url?a=1");
});

test("two Host lines give no handler a URL to build links from", async () => {
  const bytes = "GET /url HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n";
  const { status, text } = await victim.exchange(bytes);
  expect(status).toBe(400);
  expect(text).not.toContain("example");
});

test.each(["localhost", "example.com:8080", "[::1]", "[::1]:80", "EXAMPLE.com", "127.0.0.1:"])(
  "the valid Host %j is served",
  async (host) => {
    expect((await victim.get("/", { Host: host })).text).toBe("root");
  },
);

test("a path in the Host does not choose the route", async () => {
  const { status, text } = await victim.exchange(request("GET", "/", { Host: "x/admin" }));
  expect(status).toBe(400);
  expect(text).not.toContain('"admin"');
});

/** The one difference that the accelerator makes: Bun answers and looks at no Host (docs/lifecycle.md). */
test("an accelerated const route does not depend on the Host, so it is answered", async () => {
  const { status, text } = await victim.get("/const", { Host: "a b<>" });
  expect({ status, text }).toEqual({ status: 200, text: "const" });
});
