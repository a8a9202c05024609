/** Compression by negotiation: what is compressed, with what, and what is left alone. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { compress, etag, Robyn, status } from "robyn";
import { type Answer, type Case, type Doors, openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

const text = "all work and no play makes jack a dull boy\n".repeat(100);
const rows = Array.from({ length: 200 }, (_, id) => ({ id, name: `name ${id}` }));
const noise = crypto.getRandomValues(new Uint8Array(4_096));

let doors: Doors;
beforeAll(async () => {
  doors = await openDoors((app) => {
    app.afterRequest(compress());
    app.get("/text", () => text);
    app.get("/json", () => rows);
    app.get("/untyped", () => new Response(text));
    app.get("/untyped-bytes", () => new Response(noise));
    app.get("/large", () => "x".repeat(1_000_000));
    app.get("/short", () => "x".repeat(1_023));
    app.get("/just", () => "x".repeat(1_024));
    app.get("/noise", () => new Response(noise, { headers: { "content-type": "text/plain" } }));
    app.get(
      "/known-short",
      () =>
        new Response("short", { headers: { "content-length": "5", "content-type": "text/plain" } }),
    );
    app.get("/status/:code", ({ params }) => status(Number(params.code), text));
    app.get("/missing", () => status(404, { detail: text }));
    app.get(
      "/typed/*type",
      ({ query }) => new Response(text, { headers: { "content-type": String(query.type) } }),
    );
    app.get(
      "/headers",
      ({ query }) =>
        new Response(text, {
          headers: { "content-type": "text/plain", ...(query as Record<string, string>) },
        }),
    );
    app.get(
      "/partial",
      () =>
        new Response(text.slice(0, 2_000), {
          status: 206,
          headers: { "content-type": "text/plain", "content-range": `bytes 0-1999/${text.length}` },
        }),
    );
    app.get("/nothing", () => null);
    app.get("/generator", async function* () {
      yield text;
      yield text;
    });
    app.get("/const", { const: true }, () => text);
  });
});
afterAll(() => doors[Symbol.asyncDispose]());

const all = "gzip, br, zstd";
const ask = (
  target: string,
  accept: string | undefined = all,
  more: Partial<Case> = {},
): Promise<Answer> =>
  doors.ask({
    target,
    ...more,
    headers: { ...(accept === undefined ? {} : { "Accept-Encoding": accept }), ...more.headers },
  });

function decode({ headers, bytes }: Answer): string {
  switch (headers["content-encoding"]) {
    case "zstd":
      return zstdDecompressSync(bytes).toString();
    case "br":
      return brotliDecompressSync(bytes).toString();
    case "gzip":
      return gunzipSync(bytes).toString();
    default:
      return Buffer.from(bytes).toString();
  }
}

describe("the coding is the client's choice", () => {
  test.each([
    [all, "zstd"],
    ["gzip, br", "br"],
    ["gzip", "gzip"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["*", "zstd"],
    ["*, zstd;q=0", "br"],
    ["identity, gzip;q=0.5", undefined],
    ["zstd;q=0, br;q=0, gzip;q=0", undefined],
    ["*;q=0", undefined],
    ["deflate", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%p: %p", async (accept, coding) => {
    const answer = await doors.ask({
      target: "/text",
      headers: accept === undefined ? {} : { "Accept-Encoding": accept },
    });
    expect(answer.headers["content-encoding"]).toBe(coding);
    expect(answer.headers.vary).toBe("accept-encoding");
    expect(decode(answer)).toBe(text);
    if (coding !== undefined) expect(answer.bytes.length).toBeLessThan(text.length / 10);
  });
});

describe("is compressed, and decodes to what it was", () => {
  test.each([
    ["/json", JSON.stringify(rows)],
    ["/large", "x".repeat(1_000_000)],
    ["/just", "x".repeat(1_024)],
    ["/untyped", text],
    ["/missing", JSON.stringify({ detail: text })],
    ["/generator", text + text],
    ["/const", text],
  ])("%s", async (target, expected) => {
    for (const accept of ["zstd", "br", "gzip"]) {
      const answer = await ask(target, accept);
      expect(answer.headers["content-encoding"]).toBe(accept);
      expect(answer.headers.vary).toBe("accept-encoding");
      expect(decode(answer)).toBe(expected);
    }
  });

  test("a text without type keeps the one that Bun would have sent", async () => {
    expect((await ask("/untyped")).headers["content-type"]).toBe("text/plain;charset=utf-8");
  });

  test("over a socket Content-Length is that of the compressed bytes", async () => {
    const { headers, bytes } = await socket().ask({
      target: "/text",
      headers: { "Accept-Encoding": "br" },
    });
    expect(headers["content-length"]).toBe(String(bytes.length));
  });
});

describe("is left alone", () => {
  test.each([
    ["/short", "x".repeat(1_023)],
    ["/known-short", "short"],
    ["/nothing", ""],
    ["/status/205", ""],
  ])("%s", async (target, expected) => {
    const answer = await ask(target);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.text).toBe(expected);
  });

  test("what compression would make longer", async () => {
    const answer = await ask("/noise");
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(Buffer.from(answer.bytes).equals(noise)).toBe(true);
  });

  test("bytes without type that are no text, which keep the type that Bun gives them", async () => {
    const headers = { "Accept-Encoding": all };
    const answer = await socket().ask({ target: "/untyped-bytes", headers });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    expect(Buffer.from(answer.bytes).equals(noise)).toBe(true);
  });

  test("a part of a file, and the answer to a range request: ranges are of the plain bytes", async () => {
    expect((await ask("/partial")).headers["content-encoding"]).toBeUndefined();
    const ranged = await ask("/text", all, { headers: { Range: "bytes=0-9" } });
    expect(ranged.headers["content-encoding"]).toBeUndefined();
    expect(ranged.headers.vary).toBe("accept-encoding");
  });

  test.each([
    ["cache-control=no-transform"],
    ["cache-control=public,%20No-Transform,%20max-age=1"],
    ["content-encoding=x-own"],
    ["repr-digest=sha-256=:x:"],
    ["content-digest=sha-256=:x:"],
  ])("a response with %s", async (query) => {
    const answer = await ask(`/headers?${query}`);
    expect(answer.text).toBe(text);
    expect(answer.headers.vary).toBeUndefined();
  });
});

describe("by type", () => {
  const compressible = [
    "text/html; charset=utf-8",
    "TEXT/CSS",
    "application/json",
    "application/problem+json",
    "application/ld+json;x=y",
    "application/javascript",
    "application/xml",
    "application/jsonl",
    "application/wasm",
    "application/xhtml+xml",
    "application/manifest+json",
    "image/svg+xml",
    "font/ttf",
    "image/bmp",
  ];
  const others = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/avif",
    "video/mp4",
    "audio/mpeg",
    "application/zip",
    "application/gzip",
    "application/zstd",
    "application/pdf",
    "application/octet-stream",
    "font/woff",
    "font/woff2",
    "text/event-stream",
    "x",
  ];
  test.each(compressible)("%p is compressed", async (type) => {
    const { headers } = await ask(`/typed/x?type=${encodeURIComponent(type)}`);
    expect(headers["content-encoding"]).toBe("zstd");
    expect(headers["content-type"]).toBe(type);
  });

  test.each(others)("%p is not, and does not vary", async (type) => {
    const { headers } = await ask(`/typed/x?type=${encodeURIComponent(type)}`);
    expect(headers["content-encoding"]).toBeUndefined();
    expect(headers.vary).toBeUndefined();
  });

  test("the application can decide otherwise", async () => {
    const app = quietApp().get(
      "/",
      () => new Response(text, { headers: { "content-type": "model/obj" } }),
    );
    app.afterRequest(compress({ types: (type) => type === "model/obj" }));
    const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
  });
});

describe("Vary", () => {
  test.each([
    ["Origin", "Origin, accept-encoding"],
    ["Accept-Encoding", "Accept-Encoding"],
    ["origin,ACCEPT-ENCODING", "origin,ACCEPT-ENCODING"],
    ["*", "*"],
    ["accept-encoding-x", "accept-encoding-x, accept-encoding"],
  ])("%p becomes %p", async (before, after) => {
    expect((await ask(`/headers?vary=${encodeURIComponent(before)}`)).headers.vary).toBe(after);
  });

  test("a const response that negotiated already has it once", async () => {
    expect((await ask("/const")).headers.vary).toBe("accept-encoding");
  });
});

describe("HEAD", () => {
  test.each(["/text", "/json", "/short", "/generator"])(
    "%s has the headers of GET",
    async (target) => {
      const get = await ask(target, "br");
      const head = await ask(target, "br", { method: "HEAD" });
      const headersOf = ({ headers }: Answer) => ({
        ...headers,
        date: "",
        "content-length": "",
        "transfer-encoding": "",
      });
      expect(headersOf(head)).toEqual(headersOf(get));
      expect(head.text).toBe("");
    },
  );
});

describe("entity tags", () => {
  const tagged = () =>
    quietApp()
      .afterRequest(compress())
      .afterRequest(etag())
      .get("/", () => text)
      .get(
        "/own",
        () => new Response(text, { headers: { etag: 'W/"own"', "content-type": "text/plain" } }),
      );

  test("become weak where the bytes change, and stay strong where they do not", async () => {
    const app = tagged();
    const plain = (await app.request("/")).headers.get("etag")!;
    const encoded = (await app.request("/", { headers: { "accept-encoding": "br" } })).headers.get(
      "etag",
    )!;
    expect(plain).toMatch(/^"[^"]+"$/);
    expect(encoded).toBe(`W/${plain}`);
    const own = await app.request("/own", { headers: { "accept-encoding": "br" } });
    expect(own.headers.get("etag")).toBe('W/"own"');
  });

  test("of either form get 304, with the tag and the Vary that the 200 would have had", async () => {
    const app = tagged();
    const strong = (await app.request("/")).headers.get("etag")!;
    for (const tag of [strong, `W/${strong}`]) {
      for (const [accept, expected] of [
        ["br", `W/${strong}`],
        ["identity", strong],
      ] as const) {
        const response = await app.request("/", {
          headers: { "if-none-match": tag, "accept-encoding": accept },
        });
        expect(response.status).toBe(304);
        expect(response.headers.get("etag")).toBe(expected);
        expect(response.headers.get("vary")).toBe("accept-encoding");
      }
    }
  });
});

describe("options", () => {
  test("threshold and encodings", async () => {
    const app = quietApp()
      .afterRequest(compress({ threshold: 10, encodings: ["gzip"] }))
      .get("/", () => "x".repeat(100));
    const response = await app.request("/", { headers: { "accept-encoding": all } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
  });

  test.each([
    { threshold: -1 },
    { threshold: Number.NaN },
    { encodings: ["deflate"] },
    { encodings: ["identity"] },
    { level: 3 },
  ])("%p is refused", (options) => {
    expect(() => compress(options as never)).toThrow(/ROBYN_OPTION_INVALID/);
  });

  test("it fits the hooks of a router, a route, and an app with state", async () => {
    interface State {
      user: string;
    }
    const app = new Robyn<State>({ development: false })
      .get("/", { afterRequest: compress() }, () => text)
      .afterRequest("/x/*", compress());
    const response = await app.request("/", { headers: { "accept-encoding": "br" } });
    expect(response.headers.get("content-encoding")).toBe("br");
  });
});

test("keeps status, status text, cookies and other headers", async () => {
  const app = quietApp()
    .afterRequest(compress())
    .get("/", ({ setCookie }) => {
      setCookie("a", "1");
      setCookie("b", "2");
      return new Response(text, {
        status: 201,
        statusText: "Made",
        headers: {
          "content-type": "text/html",
          "x-own": "1",
          "accept-ranges": "bytes",
          "content-length": String(text.length),
        },
      });
    });
  const response = await app.request("/", { headers: { "accept-encoding": "gzip" } });
  expect([response.status, response.statusText]).toEqual([201, "Made"]);
  expect(response.headers.getSetCookie()).toHaveLength(2);
  expect(response.headers.get("x-own")).toBe("1");
  expect(response.headers.has("content-length")).toBe(false);
  expect(response.headers.has("accept-ranges")).toBe(false);
});

function socket() {
  return doors.all.find(({ name }) => name === "socket")!;
}
