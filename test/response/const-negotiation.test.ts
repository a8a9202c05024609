/** Encodings, ETags and preconditions of const responses (RFC 9110 §8.8.3, §12.5.3, §13.1.2). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliDecompressSync } from "node:zlib";
import { type Answer, type Doors, openDoors } from "../support/doors.ts";

const large = JSON.stringify({ words: Array.from({ length: 300 }, () => "lorem ipsum") });

/** Nothing to compress; the same for every door. */
const randomBytes = crypto.getRandomValues(new Uint8Array(2_000));

let doors: Doors;
beforeAll(async () => {
  const type = { "content-type": "text/plain" };
  const plain =
    (body: Bun.BodyInit, headers: Record<string, string> = {}, code = 200) =>
    () =>
      new Response(body, { status: code, headers: { ...type, ...headers } });
  const gzipped = Bun.gzipSync(Buffer.from(large));
  doors = await openDoors((app) =>
    app
      .get("/large", { const: true }, plain(large, { vary: "origin" }))
      .get("/small", { const: true }, plain("small"))
      .get("/random", { const: true }, () => randomBytes)
      .get("/tagged", { const: true }, plain("x", { etag: '"own"' }))
      .get("/missing", { const: true }, plain("none", {}, 404))
      .get("/encoded", { const: true }, plain(gzipped, { "content-encoding": "gzip" })),
  );
});
afterAll(() => doors[Symbol.asyncDispose]());

const ask = (target: string, headers: Record<string, string> = {}) =>
  doors.ask({ target, headers });

describe("the encoding", () => {
  const choices: [accept: string | undefined, expected: string | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["gzip", "gzip"],
    ["br", "br"],
    ["zstd", "zstd"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, deflate, br", "br"],
    ["GZIP", "gzip"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["gzip;q=0.5, br;q=0.9, zstd;q=0.1", "br"],
    ["br;q=0.001", "br"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.000, br;q=0", undefined],
    ["*", "zstd"],
    ["*;q=0", undefined],
    ["zstd;q=0, *", "br"],
    ["gzip, *;q=0", "gzip"],
    ["identity;q=1, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=1", "gzip"],
    ["identity;q=0, gzip", "gzip"],
    ["deflate", undefined],
    [";;;,,,=q", undefined],
    ["gzip;q=banana", "gzip"],
    ["gzip ; q = 0.5 , br", "br"],
  ];
  const isChosen = async (accept: string | undefined, expected: string | undefined) => {
    const answer = await ask("/large", accept === undefined ? {} : { "Accept-Encoding": accept });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-encoding"]).toBe(expected);
    expect(decode(answer)).toBe(large);
    expect(answer.headers.vary).toBe("origin, accept-encoding");
  };
  test.each(choices)("for Accept-Encoding %j is %p", isChosen);

  test("for very long garbage is none", async () => {
    await isChosen("x".repeat(4_000), undefined);
    await isChosen("a,".repeat(2_000), undefined);
  });

  test("is smaller than the plain body", async () => {
    for (const coding of ["gzip", "br", "zstd"]) {
      const { bytes } = await ask("/large", { "Accept-Encoding": coding });
      expect(bytes.length).toBeLessThan(large.length / 4);
    }
  });

  test.each(["/small", "/random"])("is none where it would not be smaller: %s", async (target) => {
    const plain = await ask(target);
    const offered = await ask(target, { "Accept-Encoding": "gzip, br, zstd" });
    expect(offered.headers["content-encoding"]).toBeUndefined();
    // Without variants there is nothing that the answer varies by.
    expect(offered.headers.vary).toBeUndefined();
    expect(offered).toEqual({ ...plain, headers: { ...plain.headers, ...dateOf(offered) } });
  });

  test("that a handler has chosen itself is kept", async () => {
    const answer = await ask("/encoded", { "Accept-Encoding": "br" });
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(decode(answer)).toBe(large);
  });

  test("on HEAD is that of GET", async () => {
    const headers = { "Accept-Encoding": "br" };
    const get = await ask("/large", headers);
    const head = await doors.ask({ method: "HEAD", target: "/large", headers });
    expect(head.text).toBe("");
    expect(head.headers.etag).toBe(get.headers.etag!);
    expect(head.headers["content-encoding"]).toBe("br");
  });
});

describe("the ETag", () => {
  test("is strong, stays the same, and follows the body", async () => {
    const first = (await ask("/small")).headers.etag!;
    expect(first).toMatch(/^"[^"]+"$/);
    expect((await ask("/small")).headers.etag).toBe(first);
    expect((await ask("/large")).headers.etag).not.toBe(first);
  });

  test("differs between encodings: they are not the same bytes", async () => {
    const codings = ["identity", "gzip", "br", "zstd"];
    const tags = new Set<string>();
    for (const coding of codings)
      tags.add((await ask("/large", { "Accept-Encoding": coding })).headers.etag!);
    expect(tags.size).toBe(codings.length);
    for (const tag of tags) expect(tag).toMatch(/^"[^"]+"$/);
  });

  test("of the handler is kept", async () => {
    expect((await ask("/tagged")).headers.etag).toBe('"own"');
  });
});

describe("If-None-Match", () => {
  const forms: [what: string, form: (tag: string) => string, code: number][] = [
    ["the tag", (tag) => tag, 304],
    ["the tag, weak", (tag) => `W/${tag}`, 304],
    ["any", () => "*", 304],
    ["any, with spaces", () => " * ", 304],
    ["a list with the tag", (tag) => `"a", ${tag}, "b"`, 304],
    ["a list with the weak tag", (tag) => `"a",W/${tag}`, 304],
    ["a list of 500 with the tag last", (tag) => `${'"a", '.repeat(500)}${tag}`, 304],
    ["another tag", () => '"other"', 200],
    ["a list without the tag", () => '"a", "b"', 200],
    ["nothing", () => "", 200],
    ["garbage", () => '"', 200],
  ];
  describe.each(["/small", "/large"])("of %s", (target) => {
    test.each(forms)("with %s", async (_, form, code) => {
      const { etag } = (await ask(target)).headers;
      for (const method of ["GET", "HEAD"]) {
        const headers = { "If-None-Match": form(etag!) };
        const answer = await doors.ask({ method, target, headers });
        expect(answer.status).toBe(code);
        expect(answer.headers.etag).toBe(etag!);
        if (code === 304 || method === "HEAD") expect(answer.text).toBe("");
      }
    });
  });

  test("without quotes is no tag", async () => {
    // Not asked of an accelerated route: Bun forgives the missing quotes there.
    const { etag } = (await ask("/large")).headers;
    expect((await ask("/large", { "If-None-Match": etag!.slice(1, -1) })).status).toBe(200);
  });

  test("compares the tag of the encoding that would be sent", async () => {
    const gzip = { "Accept-Encoding": "gzip" };
    const plainTag = (await ask("/large")).headers.etag!;
    const gzipTag = (await ask("/large", gzip)).headers.etag!;
    const code = async (headers: Record<string, string>) => (await ask("/large", headers)).status;
    expect(await code({ ...gzip, "If-None-Match": gzipTag })).toBe(304);
    expect(await code({ ...gzip, "If-None-Match": plainTag })).toBe(200);
    expect(await code({ "If-None-Match": gzipTag })).toBe(200);
  });

  test("a 304 keeps what a cache needs and drops what describes the body", async () => {
    const { etag } = (await ask("/large")).headers;
    const { headers } = await ask("/large", { "If-None-Match": etag! });
    expect(headers.vary).toBe("origin, accept-encoding");
    expect(headers["content-encoding"]).toBeUndefined();
  });

  test("matters for 200 alone", async () => {
    expect((await ask("/missing", { "If-None-Match": "*" })).status).toBe(404);
  });
});

function decode({ headers, bytes, text }: Answer): string {
  switch (headers["content-encoding"]) {
    case "gzip":
      return Buffer.from(Bun.gunzipSync(new Uint8Array(bytes))).toString();
    case "br":
      return brotliDecompressSync(bytes).toString();
    case "zstd":
      return Bun.zstdDecompressSync(bytes).toString();
    default:
      return text;
  }
}

function dateOf({ headers }: Answer): { date?: string } {
  return headers.date === undefined ? {} : { date: headers.date };
}
