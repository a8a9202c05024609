/** Headers of every response: which ones get them, who wins, and what is refused. */
import { describe, expect, test } from "bun:test";
import { HttpError, jsonLines, Robyn, sse, SubRouter } from "robyn";
import { openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

describe("setResponseHeader()", () => {
  test("reaches every response without exception", async () => {
    await using doors = await openDoors((app) => {
      app.setResponseHeader("x-frame-options", "DENY");
      app.get("/", () => "x");
      app.get("/null", () => null);
      app.get("/const", { const: true }, () => "const");
      app.get("/own", () => new Response("own"));
      app.get("/stream", async function* () {
        yield "x";
      });
      app.get("/lines", () => jsonLines([1]));
      app.get("/events", () => sse(async function* () {}));
      app.get("/http-error", () => {
        throw new HttpError(402);
      });
      app.get("/error", () => {
        throw new Error("canary");
      });
      app.get("/thrown", () => {
        throw new Response("thrown", { status: 418 });
      });
      app.beforeRequest("/hooked", () => "answered by a hook");
      app.afterRequest("/broken-hook", () => {
        throw new Error("canary");
      });
      app.get("/broken-hook", () => "x");
      app.includeRouter(new SubRouter("/sub").get("/", () => "x"));
    });
    const found = [
      "/",
      "/null",
      "/const",
      "/own",
      "/stream",
      "/lines",
      "/events",
      "/hooked",
      "/sub",
    ];
    const failed = [
      "/http-error",
      "/error",
      "/thrown",
      "/broken-hook",
      "/nowhere",
      "/sub/nowhere",
      "/%zz",
      `/${"x".repeat(9_000)}`,
    ];
    for (const target of [...found, ...failed]) {
      const answer = await doors.ask(target);
      expect({ target, header: answer.headers["x-frame-options"] }).toEqual({
        target,
        header: "DENY",
      });
    }
    for (const method of ["POST", "OPTIONS", "HEAD", "PURGE"]) {
      const answer = await doors.ask({ method, target: "/" });
      expect({ method, header: answer.headers["x-frame-options"] }).toEqual({
        method,
        header: "DENY",
      });
    }
  });

  test("gives way to the response, then to the route; the later of two calls wins", async () => {
    const app = quietApp()
      .setResponseHeader("cache-control", "first")
      .setResponseHeader("Cache-Control", "global")
      .get("/", () => "x")
      .get("/route", { responseHeaders: { "Cache-Control": "route" } }, () => "x")
      .get(
        "/own",
        { responseHeaders: { "cache-control": "route" } },
        () => new Response("x", { headers: { "cache-control": "own" } }),
      )
      .get("/context", ({ responseHeaders }) => {
        responseHeaders.set("cache-control", "context");
        return "x";
      });
    const header = async (path: string) => (await app.request(path)).headers.get("cache-control");
    expect(await header("/")).toBe("global");
    expect(await header("/route")).toBe("route");
    expect(await header("/own")).toBe("own");
    expect(await header("/context")).toBe("context");
  });
});

describe("addResponseHeader()", () => {
  test("appends to what is there, and each call counts", async () => {
    const app = quietApp()
      .addResponseHeader("vary", "origin")
      .addResponseHeader("set-cookie", "a=1")
      .addResponseHeader("set-cookie", "b=2")
      .get("/", () => new Response("x", { headers: { vary: "accept" } }));
    const { headers } = await app.request("/");
    expect(headers.get("vary")).toBe("accept, origin");
    expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });
});

describe("excludeResponseHeadersFor()", () => {
  test("takes patterns and lists, compares canonical paths, also for what no route answers", async () => {
    await using doors = await openDoors((app) => {
      app
        .setResponseHeader("x-global", "1")
        .addResponseHeader("x-added", "1")
        .excludeResponseHeadersFor("/plain")
        .excludeResponseHeadersFor(["/files/*", "/users/:id/raw"])
        .get("/plain", { responseHeaders: { "x-route": "1" } }, () => "x")
        .get("/users/:id/raw", () => "x")
        .get("/users/:id", () => "x");
    });
    const headers = async (target: string) => {
      const answer = await doors.ask(target);
      return [answer.headers["x-global"], answer.headers["x-added"]];
    };
    for (const path of [
      "/plain",
      "/plain/",
      "/%70lain",
      "/plain?x",
      "/files",
      "/files/a/b",
      "/users/7/raw",
    ])
      expect(await headers(path)).toEqual([undefined, undefined]);
    for (const path of ["/users/7", "/plainer", "/plain/x", "/nowhere", "/%zz"])
      expect(await headers(path)).toEqual(["1", "1"]);
    // Excluded is what is global, not what the route says itself.
    expect((await doors.ask("/plain")).headers["x-route"]).toBe("1");
  });

  test("a pattern that is none stops the start", () => {
    const app = quietApp().setResponseHeader("x", "1").excludeResponseHeadersFor("no-slash");
    expect(app.request("/")).rejects.toThrow(/ROBYN_PATTERN_INVALID/);
  });
});

test("headers of a route are on its errors too, and on no other route", async () => {
  const app = quietApp()
    .get("/a", { responseHeaders: { "x-route": "a" } }, () => {
      throw new HttpError(402);
    })
    .get("/const", { const: true, responseHeaders: { "x-route": "const" } }, () => "x")
    .get("/b", () => "x");
  expect((await app.request("/a")).headers.get("x-route")).toBe("a");
  expect((await app.request("/const")).headers.get("x-route")).toBe("const");
  expect((await app.request("/b")).headers.get("x-route")).toBeNull();
});

describe("what cannot be sent is refused where it is defined", () => {
  const names = [
    "",
    " ",
    "a b",
    "a:b",
    "a\r\nb",
    "a\r\nX-Evil: 1",
    "ä",
    "a\0",
    7 as unknown as string,
  ];
  const values = [
    "a\r\nX-Evil: 1",
    "a\nb",
    "a\rb",
    "a\0",
    "\x7f",
    "ä",
    " a",
    "a\t",
    7 as unknown as string,
  ];

  test.each(names)("the name %j", (name) => {
    expect(() => new Robyn().setResponseHeader(name, "x")).toThrow(
      /setResponseHeader.*ROBYN_HEADER_INVALID/,
    );
    expect(() => new Robyn().addResponseHeader(name, "x")).toThrow(
      /addResponseHeader.*ROBYN_HEADER_INVALID/,
    );
    if (typeof name === "string")
      expect(() => new Robyn().get("/r", { responseHeaders: { [name]: "x" } }, () => "x")).toThrow(
        /GET \/r .*ROBYN_HEADER_INVALID/,
      );
  });

  test.each(values)("the value %j", (value) => {
    expect(() => new Robyn().setResponseHeader("x", value)).toThrow(/ROBYN_HEADER_INVALID/);
    expect(() => new Robyn().addResponseHeader("x", value)).toThrow(/ROBYN_HEADER_INVALID/);
    expect(() => new Robyn().get("/r", { responseHeaders: { x: value } }, () => "x")).toThrow(
      /ROBYN_HEADER_INVALID/,
    );
  });

  test.each(["Content-Length", "transfer-encoding", "Connection"])(
    "%s, which is the server's",
    (name) => {
      expect(() => new Robyn().setResponseHeader(name, "1")).toThrow(/The server sets it/);
    },
  );

  test("after the start", async () => {
    const app = quietApp().get("/", () => "x");
    await app.request("/");
    expect(() => app.setResponseHeader("x", "1")).toThrow(/ROBYN_SEALED/);
    expect(() => app.addResponseHeader("x", "1")).toThrow(/ROBYN_SEALED/);
    expect(() => app.excludeResponseHeadersFor("/")).toThrow(/ROBYN_SEALED/);
  });
});

test("a client cannot put a line break into a header that an application echoes", async () => {
  await using doors = await openDoors((app) => {
    app.get("/set", ({ responseHeaders, query }) => {
      responseHeaders.set("x-echo", String(query.value));
      return "x";
    });
    app.get(
      "/response",
      ({ query }) => new Response("x", { headers: { "x-echo": String(query.value) } }),
    );
  });
  for (const target of ["/set", "/response"]) {
    for (const value of ["a%0d%0aX-Evil:1", "a%0aX-Evil:1", "a%0dX-Evil:1", "a%00b", "%e4%bd%a0"]) {
      const answer = await doors.ask(`${target}?value=${value}`);
      expect(answer.status).toBe(500);
      expect(answer.headers["x-evil"]).toBeUndefined();
    }
  }
});
