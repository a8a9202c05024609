/** Cookies that an answer sets: what they look like, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { CookieIdentity, CookieOptions } from "robyn";
import {
  cookie_bytes_max,
  serializeCookie,
  serializeDeletion,
} from "../../src/response/cookies.ts";
import { type Doors, openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

describe("every attribute", () => {
  const expires = new Date(Date.UTC(2030, 0, 2, 3, 4, 5));
  const rows: readonly (readonly [options: CookieOptions, text: string])[] = [
    [{}, "a=b; Path=/; SameSite=Lax"],
    [{ path: "/x" }, "a=b; Path=/x; SameSite=Lax"],
    [{ domain: "example.com" }, "a=b; Path=/; Domain=example.com; SameSite=Lax"],
    [{ maxAge: 60 }, "a=b; Path=/; Max-Age=60; SameSite=Lax"],
    [{ maxAge: 0 }, "a=b; Path=/; Max-Age=0; SameSite=Lax"],
    [{ expires }, "a=b; Path=/; Expires=Wed, 02 Jan 2030 03:04:05 GMT; SameSite=Lax"],
    [{ secure: true }, "a=b; Path=/; Secure; SameSite=Lax"],
    [{ httpOnly: true }, "a=b; Path=/; HttpOnly; SameSite=Lax"],
    [{ sameSite: "strict" }, "a=b; Path=/; SameSite=Strict"],
    [{ sameSite: "none", secure: true }, "a=b; Path=/; Secure; SameSite=None"],
    [{ partitioned: true, secure: true }, "a=b; Path=/; Secure; SameSite=Lax; Partitioned"],
    [{ secure: false, httpOnly: false, domain: undefined }, "a=b; Path=/; SameSite=Lax"],
  ];

  test.each(rows)("%p", (options, text) => {
    expect(serializeCookie("a", "b", options)).toBe(text);
  });

  test("all of them at once, as another reader understands them", () => {
    const text = serializeCookie("a", "b", {
      path: "/p",
      domain: "example.com",
      maxAge: 5,
      expires,
      secure: true,
      httpOnly: true,
      sameSite: "strict",
      partitioned: true,
    });
    expect(Bun.Cookie.parse(text).toJSON()).toMatchObject({
      name: "a",
      value: "b",
      path: "/p",
      domain: "example.com",
      maxAge: 5,
      secure: true,
      httpOnly: true,
      sameSite: "strict",
      partitioned: true,
    });
  });
});

describe("a value comes back as it was", () => {
  const values = [
    "",
    "plain",
    "a b",
    'quotes " and , and ; and \\',
    "100%",
    "%41",
    "a=b=c",
    "line\r\nSet-Cookie: evil=1",
    "\0\x7f\t",
    "ä 你 😀",
    "x; HttpOnly; Domain=evil.example",
  ];

  test.each(values)("%j", (value) => {
    const text = serializeCookie("a", value);
    expect(text).toMatch(/^a=[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*; Path=\/; SameSite=Lax$/);
    const sent = text.slice(0, text.indexOf(";"));
    expect(new Bun.CookieMap(sent).get("a")).toBe(value);
  });

  test("a lone surrogate, which has no UTF-8, becomes U+FFFD", () => {
    expect(serializeCookie("a", "\ud800")).toStartWith("a=%EF%BF%BD;");
  });
});

describe("what would leave its place is refused", () => {
  const breaks = ["\r", "\n", "\r\nX: y", ";", "; HttpOnly", "\0", "\x7f", "ä"];

  test.each([...breaks, "", " ", "=", "a=b; HttpOnly", "a b", '"', "a,b", "(a)"])(
    "name %j",
    (name) => {
      expect(() => serializeCookie(name, "v")).toThrow(/a cookie was given the name .* token/);
      expect(() => serializeDeletion(name)).toThrow(TypeError);
    },
  );

  test.each([...breaks.map((it) => `/${it}`), "", "x", "//\n"])("path %j", (path) => {
    expect(() => serializeCookie("a", "v", { path })).toThrow(/was given the path/);
    expect(() => serializeDeletion("a", { path })).toThrow(TypeError);
  });

  test.each([...breaks.map((it) => `example.com${it}`), "", ".", "-a", "a-", "a b", "a/b", "a:80"])(
    "domain %j",
    (domain) => {
      expect(() => serializeCookie("a", "v", { domain })).toThrow(/was given the domain/);
      expect(() => serializeDeletion("a", { domain })).toThrow(TypeError);
    },
  );

  // What a compiler would catch, and a value from JSON or a form would not.
  const untyped = (options: Record<string, unknown>) => options as CookieOptions;
  test.each([
    ["sameSite", untyped({ sameSite: "Lax; Domain=evil" })],
    ["sameSite", untyped({ sameSite: "toString" })],
    ["maxAge", untyped({ maxAge: "1; Domain=evil" })],
    ["maxAge", { maxAge: Number.NaN }],
    ["maxAge", { maxAge: Infinity }],
    ["maxAge", { maxAge: 1.5 }],
    ["expires", untyped({ expires: "Thu, 01 Jan 2030 00:00:00 GMT; Domain=evil" })],
    ["expires", { expires: new Date(Number.NaN) }],
    ["expires", { expires: new Date(Date.UTC(10_000, 0)) }],
    ["option", untyped({ httponly: true })],
    ["option", untyped({ __proto__x: 1 })],
  ])("%s in %p", (what, options) => {
    expect(() => serializeCookie("a", "v", options)).toThrow(
      new RegExp(`the cookie "a" .*${what}`),
    );
  });

  test("a value that is no string", () => {
    expect(() => serializeCookie("a", 1 as unknown as string)).toThrow(/its value is a string/);
  });
});

describe("what browsers drop unsaid is refused", () => {
  test.each([
    ["__Host-a", {}, /needs secure/],
    ["__Secure-a", {}, /needs secure/],
    ["__hOsT-a", {}, /needs secure/],
    ["__Host-a", { secure: true, path: "/x" }, /__Host-/],
    ["__Host-a", { secure: true, domain: "example.com" }, /__Host-/],
    ["a", { sameSite: "none" }, /sameSite none/],
    ["a", { partitioned: true }, /partitioned/],
  ] as const)("%s with %p", (name, options, message) => {
    expect(() => serializeCookie(name, "v", options)).toThrow(message);
  });

  test("and what they take is not", () => {
    expect(serializeCookie("__Host-a", "v", { secure: true })).toContain(
      "__Host-a=v; Path=/; Secure",
    );
    expect(serializeCookie("__Secure-a", "v", { secure: true, domain: "a.b" })).toContain("Secure");
  });

  test("more than 4,096 bytes, counted as they are sent", () => {
    const rest = serializeCookie("a", "").length;
    const longest = "x".repeat(cookie_bytes_max - rest);
    expect(serializeCookie("a", longest)).toHaveLength(4_096);
    expect(() => serializeCookie("a", `${longest}x`)).toThrow(/4097 bytes/);
    expect(() => serializeCookie("a", "ä".repeat(700))).toThrow(/bytes/);
  });
});

describe("deletion", () => {
  const over = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
  test.each([
    ["a", undefined, `a=; Path=/; ${over}; SameSite=Lax`],
    ["a", { path: "/x", domain: "a.b" }, `a=; Path=/x; Domain=a.b; ${over}; SameSite=Lax`],
    ["__Host-a", {}, `__Host-a=; Path=/; ${over}; Secure; SameSite=Lax`],
    ["a", { partitioned: true }, `a=; Path=/; ${over}; Secure; SameSite=Lax; Partitioned`],
  ] as [string, CookieIdentity | undefined, string][])("%s %p", (name, identity, text) => {
    expect(serializeDeletion(name, identity)).toBe(text);
  });
});

describe("in a handler", () => {
  let doors: Doors;
  beforeAll(async () => {
    doors = await openDoors((app) => {
      app.get("/several", ({ setCookie, deleteCookie }) => {
        setCookie("a", "1");
        setCookie("b", "2", { httpOnly: true });
        deleteCookie("c", { path: "/c" });
        return "done";
      });
      app.get("/own", ({ setCookie }) => {
        setCookie("a", "1");
        return new Response("own", { headers: { "set-cookie": "z=0" } });
      });
      app.beforeRequest("/hooked", ({ setCookie }) => setCookie("hook", "1"));
      app.get("/hooked", () => ({ a: 1 }));
      app.get("/echo", ({ setCookie, query }) => {
        setCookie("a", "1", { path: String(query.path) });
        return "done";
      });
    });
  });
  afterAll(() => doors[Symbol.asyncDispose]());

  test("several, set and deleted, each in a line of its own", async () => {
    const response = await quietApp()
      .get("/", ({ setCookie, deleteCookie }) => {
        setCookie("a", "1");
        setCookie("b", "x, y");
        deleteCookie("c");
      })
      .request("/");
    expect(response.headers.getSetCookie().map((it) => it.split(";")[0]!)).toEqual([
      "a=1",
      "b=x%2C%20y",
      "c=",
    ]);
    const socket = doors.all.find((it) => it.name === "socket")!;
    const { headers } = await socket.ask({ target: "/several" });
    expect(headers["set-cookie"]).toStartWith("a=1; Path=/; SameSite=Lax, b=2; Path=/; HttpOnly");
    expect(headers["set-cookie"]!.match(/SameSite/g)).toHaveLength(3);
  });

  test("beside those of a Response of its own", async () => {
    const { headers } = await doors.all.find((it) => it.name === "socket")!.ask({ target: "/own" });
    expect(headers["set-cookie"]).toBe("z=0, a=1; Path=/; SameSite=Lax");
  });

  test("from a hook", async () => {
    expect((await doors.ask("/hooked")).headers["set-cookie"]).toStartWith("hook=1");
  });

  test("what a client sends cannot become an attribute or a header: 500, and the log says why", async () => {
    for (const evil of ["/;Domain=evil", "/%0d%0aX-Evil:1"]) {
      const answer = await doors.ask(`/echo?path=${evil}`);
      expect(answer.status).toBe(500);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(answer.headers["x-evil"]).toBeUndefined();
    }
    for (const door of doors.all)
      expect(door.log.errors()).toContain('the cookie "a" was given the path');
  });
});
