/** Entity tags and preconditions (RFC 9110 §13). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { etag, jsonLines, status } from "robyn";
import { type Doors, openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

let doors: Doors;
let tag: string;

beforeAll(async () => {
  doors = await openDoors((app) => {
    app.afterRequest(etag());
    app.get("/text", () => "text");
    app.get("/json", () => ({ a: 1 }));
    app.get("/empty", () => "");
    app.get("/untyped", () => new Response("text"));
    app.get(
      "/own",
      () => new Response("x", { headers: { etag: '"own"', "content-type": "text/plain" } }),
    );
    app.get(
      "/weak",
      () => new Response("x", { headers: { etag: 'W/"own"', "content-type": "text/plain" } }),
    );
    app.get("/rich", ({ setCookie }) => {
      setCookie("a", "1");
      return new Response("x", {
        headers: {
          etag: '"own"',
          "cache-control": "max-age=60",
          "content-location": "/rich.en",
          expires: "Thu, 01 Jan 2099 00:00:00 GMT",
          vary: "accept-language",
          "content-type": "text/html",
          "content-language": "en",
          "content-security-policy": "default-src 'self'",
          "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT",
          "x-own": "1",
        },
      });
    });
    app.get(
      "/no-store",
      () =>
        new Response("x", {
          headers: { "cache-control": "no-store", "content-type": "text/plain" },
        }),
    );
    app.get("/created", () => status(201, "x"));
    app.get("/generator", async function* () {
      yield "x";
    });
    app.get("/lines", () => jsonLines([1]));
    app.get(
      "/stream",
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(1);
              controller.enqueue(new Uint8Array(3));
              controller.close();
            },
          }),
          { headers: { "content-type": "text/plain" } },
        ),
    );
    app.get("/long", () => "x".repeat(1_048_577));
    app.get("/longest", () => "x".repeat(1_048_576));
    app.post("/text", () => "text");
    app.head("/headed", () => null);
    app.get("/headed", () => "text");
  });
  tag = (await doors.ask("/text")).headers.etag!;
});
afterAll(() => doors[Symbol.asyncDispose]());

describe("a tag", () => {
  test("is strong, the same for the same body, another for another", async () => {
    expect(tag).toMatch(/^"[\w-]{22}"$/);
    expect((await doors.ask("/text")).headers.etag).toBe(tag);
    expect((await doors.ask("/json")).headers.etag).not.toBe(tag);
    expect((await doors.ask("/empty")).headers.etag).toMatch(/^"/);
  });

  test("leaves body and type as they were", async () => {
    for (const target of ["/text", "/untyped"]) {
      const door = doors.all.find(({ name }) => name === "socket")!;
      const { headers, text } = await door.ask({ target });
      expect({ text, type: headers["content-type"], tag: headers.etag }).toEqual({
        text: "text",
        type: "text/plain;charset=utf-8",
        tag,
      });
    }
  });

  test("of HEAD is that of GET", async () => {
    expect((await doors.ask({ method: "HEAD", target: "/text" })).headers.etag).toBe(tag);
    // A HEAD route of its own has no body to make it from.
    expect((await doors.ask({ method: "HEAD", target: "/headed" })).headers.etag).toBeUndefined();
  });

  test.each(["/no-store", "/created", "/generator", "/lines", "/stream", "/long", "/nowhere"])(
    "%s has none",
    async (target) => {
      expect((await doors.ask(target)).headers.etag).toBeUndefined();
    },
  );

  test("of a body as long as the limit is there", async () => {
    expect((await doors.ask("/longest")).headers.etag).toMatch(/^"/);
  });

  test("streams come through whole", async () => {
    expect((await doors.ask("/generator")).text).toBe("x");
    expect((await doors.ask("/stream")).bytes).toHaveLength(3);
    expect((await doors.ask("/long")).bytes).toHaveLength(1_048_577);
  });

  test("that the response has is kept", async () => {
    expect((await doors.ask("/own")).headers.etag).toBe('"own"');
  });
});

describe("If-None-Match", () => {
  test.each([
    ["the tag", () => tag, 304],
    ["the tag, weak", () => `W/${tag}`, 304],
    ["a list with it", () => `"x", W/"y" , ${tag}`, 304],
    ["*", () => "*", 304],
    ["another", () => '"x"', 200],
    ["a part of it", () => tag.slice(0, -2) + '"', 200],
    ["without quotes", () => tag.slice(1, -1), 200],
    ["a thousand others", () => Array.from({ length: 500 }, (_, it) => `"${it}"`).join(), 200],
    ["nothing", () => "", 200],
  ])("%s", async (_, header, expected) => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await doors.ask({
        method,
        target: "/text",
        headers: { "If-None-Match": header() },
      });
      expect(answer.status).toBe(expected);
      expect(answer.headers.etag).toBe(tag);
      expect(answer.text).toBe(expected === 200 && method === "GET" ? "text" : "");
    }
  });

  test("matches a weak tag weakly", async () => {
    const headers = { "If-None-Match": '"own"' };
    expect((await doors.ask({ target: "/weak", headers })).status).toBe(304);
  });

  test("does nothing to other methods and other statuses", async () => {
    const headers = { "If-None-Match": "*" };
    expect((await doors.ask({ method: "POST", target: "/text", headers })).status).toBe(200);
    expect((await doors.ask({ target: "/created", headers })).status).toBe(201);
    expect((await doors.ask({ target: "/nowhere", headers })).status).toBe(404);
  });

  test("304 keeps what a cache needs, and drops what describes the content", async () => {
    const answer = await doors.ask({ target: "/rich", headers: { "If-None-Match": '"own"' } });
    expect(answer.status).toBe(304);
    const { date: _, connection: __, "content-length": ___, ...kept } = answer.headers;
    expect(kept).toEqual({
      etag: '"own"',
      "cache-control": "max-age=60",
      "content-location": "/rich.en",
      expires: "Thu, 01 Jan 2099 00:00:00 GMT",
      vary: "accept-language",
      "content-security-policy": "default-src 'self'",
      "set-cookie": "a=1; Path=/; SameSite=Lax",
      "x-own": "1",
    });
  });
});

describe("If-Match", () => {
  test.each([
    ["the tag", () => tag, 200],
    ["a list with it", () => `"x",${tag}`, 200],
    ["*", () => "*", 200],
    ["another", () => '"x"', 412],
    ["the tag, weak: the comparison is strong", () => `W/${tag}`, 412],
    ["nothing", () => "", 412],
  ])("%s", async (_, header, expected) => {
    const answer = await doors.ask({ target: "/text", headers: { "If-Match": header() } });
    expect(answer.status).toBe(expected);
    if (expected === 412) expect(answer.headers["content-type"]).toBe("application/problem+json");
  });

  test("never matches a weak tag", async () => {
    expect((await doors.ask({ target: "/weak", headers: { "If-Match": '"own"' } })).status).toBe(
      412,
    );
  });

  test("goes before If-None-Match", async () => {
    const both = { "If-Match": '"x"', "If-None-Match": tag };
    expect((await doors.ask({ target: "/text", headers: both })).status).toBe(412);
    const matching = { "If-Match": tag, "If-None-Match": tag };
    expect((await doors.ask({ target: "/text", headers: matching })).status).toBe(304);
  });
});

describe("Last-Modified beside a tag", () => {
  const at = (date: string) => ({ target: "/rich", headers: { "If-Modified-Since": date } });

  test("gets 304 for a date as late, 200 for an earlier one and for what is no date", async () => {
    expect((await doors.ask(at("Thu, 01 Jan 2026 00:00:00 GMT"))).status).toBe(304);
    expect((await doors.ask(at("Wed, 31 Dec 2025 23:59:59 GMT"))).status).toBe(200);
    expect((await doors.ask(at("2026"))).status).toBe(200);
  });

  test("does not count where the tag is asked for", async () => {
    const { target, headers } = at("Thu, 01 Jan 2026 00:00:00 GMT");
    const both = { ...headers, "If-None-Match": '"x"' };
    expect((await doors.ask({ target, headers: both })).status).toBe(200);
  });

  test("without one, dates change nothing", async () => {
    const headers = {
      "If-Modified-Since": new Date().toUTCString(),
      "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    };
    expect((await doors.ask({ target: "/text", headers })).status).toBe(200);
  });
});

test("an answer that is replaced by 304 lets go of its source", async () => {
  let cancelled = 0;
  const app = quietApp().afterRequest(etag());
  app.get(
    "/",
    () =>
      new Response(
        new ReadableStream({
          cancel() {
            cancelled++;
          },
        }),
        { headers: { etag: '"own"' } },
      ),
  );
  expect((await app.request("/", { headers: { "if-none-match": '"own"' } })).status).toBe(304);
  expect(cancelled).toBe(1);
});

test.each([{ maxBytes: -1 }, { maxBytes: "1" }, { weak: true }])(
  "the options %p are refused",
  (options) => {
    expect(() => etag(options as never)).toThrow(/ROBYN_OPTION_INVALID/);
  },
);
