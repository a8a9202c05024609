/** What the options of `serveDirectory` change, and that mistakes in them are named. */
import { brotliCompressSync } from "node:zlib";
import { expect, test } from "bun:test";
import { Robyn } from "robyn";
import { openDoors } from "../support/doors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const html = { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" };

test("spa answers unknown navigations with the index, and nothing else", async () => {
  using folder = temporaryFolder({ "index.html": "<app>", "a.js": "js", "docs/x.txt": "x" });
  await using doors = await openDoors((app) => {
    app.get("/api/users", () => "api");
    app.serveDirectory("/", folder.path, { spa: true, cache: { maxAge: 60 } });
  });
  for (const target of [
    "/",
    "/settings",
    "/users/7/edit",
    "/settings/",
    "/docs",
    "/docs/",
    "/settings?a=b.c",
  ]) {
    const { status, text } = await doors.ask({ target, headers: html });
    expect([target, status, text]).toEqual([target, 200, "<app>"]);
  }
  const page = await doors.ask({ target: "/settings", headers: html });
  expect(page.headers).toMatchObject({
    "cache-control": "no-cache",
    vary: "accept",
    "content-type": "text/html; charset=utf-8",
  });
  expect(
    (
      await doors.ask({
        target: "/settings",
        headers: { ...html, "if-none-match": page.headers["etag"]! },
      })
    ).status,
  ).toBe(304);
  expect((await doors.ask({ method: "HEAD", target: "/settings", headers: html })).status).toBe(
    200,
  );
  expect((await doors.ask({ target: "/a.js", headers: html })).text).toBe("js");
  expect((await doors.ask({ target: "/api/users", headers: html })).text).toBe("api");
  for (const [target, headers] of [
    ["/missing.js", html],
    ["/settings", { accept: "application/json" }],
    ["/settings", { accept: "*/*" }],
    ["/settings", {}],
    ["/settings", { accept: "text/html-x" }],
    ["/.env", html],
    ["/a%2Fb", html],
    ["/%2e%2e%2fsettings", html],
  ] as const)
    expect([target, (await doors.ask({ target, headers: { ...headers } })).status]).toEqual([
      target,
      404,
    ]);
  expect((await doors.ask({ method: "POST", target: "/settings", headers: html })).status).toBe(
    405,
  );
});

test("spa: a 404 is for who asked for something else, and caches are told so", async () => {
  using folder = temporaryFolder({ "index.html": "index" });
  await using doors = await openDoors((app) => app.serveDirectory("/", folder.path, { spa: true }));
  const missing = await doors.ask({ target: "/settings", headers: { Accept: "*/*" } });
  expect([missing.status, missing.headers.vary]).toEqual([404, "accept"]);
});

test("spa without index is 404", async () => {
  using folder = temporaryFolder({ "a.js": "js" });
  await using doors = await openDoors((app) => app.serveDirectory("/", folder.path, { spa: true }));
  expect((await doors.ask({ target: "/x", headers: html })).status).toBe(404);
});

test("cache: nothing is kept unasked by default, a lifetime where one is given, fingerprints for ever", async () => {
  const names = [
    "app-3f9a02bc.js",
    "app.3f9a02bc77d1.css",
    "app-3f9a02bc.js.map",
    "report-20261121.pdf",
    "chapter-overview.html",
    "index-BxY12_zq.js",
    "a.txt",
  ];
  using folder = temporaryFolder(Object.fromEntries(names.map((name) => [name, name])));
  await using doors = await openDoors((app) => {
    app.serveDirectory("/default", folder.path);
    app.serveDirectory("/hour", folder.path, { cache: { maxAge: 3_600 } });
    app.serveDirectory("/hex", folder.path, { cache: { immutable: true } });
    app.serveDirectory("/vite", folder.path, {
      cache: { maxAge: 0, immutable: /-[\w-]{8}\.js$/g },
    });
  });
  const policies = async (route: string) =>
    Promise.all(
      names.map(async (name) => (await doors.ask(`${route}/${name}`)).headers["cache-control"]),
    );
  const forever = "public, max-age=31536000, immutable";
  expect(new Set(await policies("/default"))).toEqual(new Set(["no-cache"]));
  expect(new Set(await policies("/hour"))).toEqual(new Set(["public, max-age=3600"]));
  expect(await policies("/hex")).toEqual([
    forever,
    forever,
    forever,
    "no-cache",
    "no-cache",
    "no-cache",
    "no-cache",
  ]);
  const vite = "public, max-age=0";
  expect(await policies("/vite")).toEqual([forever, vite, vite, vite, vite, forever, vite]);
});

test("precompressed siblings are sent to whom accepts them, each with a tag of its own", async () => {
  const text = "body { color: red }\n".repeat(100);
  using folder = temporaryFolder({ "a.css": text, "b.css": "plain" });
  await Bun.write(`${folder.path}/a.css.zst`, Bun.zstdCompressSync(text));
  await Bun.write(`${folder.path}/a.css.br`, brotliCompressSync(text));
  await Bun.write(`${folder.path}/a.css.gz`, Bun.gzipSync(text));
  await using doors = await openDoors((app) =>
    app.serveDirectory("/", folder.path, { precompressed: true }),
  );
  const ask = (accept: string, more = {}) =>
    doors.ask({ target: "/a.css", headers: { "accept-encoding": accept, ...more } });
  const tags = new Set<string>();
  for (const [accept, encoding, decode] of [
    ["gzip, br, zstd", "zstd", Bun.zstdDecompressSync],
    ["gzip, br", "br", undefined],
    ["gzip", "gzip", Bun.gunzipSync],
    ["br;q=0.1, gzip;q=0.9", "gzip", undefined],
    ["identity", undefined, undefined],
    ["br;q=0", undefined, undefined],
    ["", undefined, undefined],
  ] as const) {
    const { status, headers, bytes } = await ask(accept);
    expect([accept, status, headers["content-encoding"]]).toEqual([accept, 200, encoding]);
    expect(headers).toMatchObject({
      vary: "accept-encoding",
      "content-type": "text/css; charset=utf-8",
    });
    if (decode !== undefined) expect(decode(new Uint8Array(bytes)).toString()).toBeDefined();
    if (encoding === undefined) expect(new TextDecoder().decode(bytes)).toBe(text);
    tags.add(headers["etag"]!);
    expect((await ask(accept, { "if-none-match": headers["etag"]! })).status).toBe(304);
  }
  expect(tags.size).toBe(4);
  const part = await ask("gzip", { range: "bytes=0-1" });
  expect([part.status, [...part.bytes]]).toEqual([206, [0x1f, 0x8b]]);
  const plain = await doors.ask({ target: "/b.css", headers: { "accept-encoding": "br" } });
  expect([plain.text, plain.headers["vary"]]).toEqual(["plain", undefined]);
});

test("a sibling that appears, changes or goes is noticed at once", async () => {
  using folder = temporaryFolder({ "a.css": "plain" });
  const app = quietApp();
  app.serveDirectory("/", folder.path, { precompressed: true });
  await using server = await serveApp(app);
  const get = async () => {
    const answer = await exchange(
      server.port,
      request("GET", "/a.css", { "Accept-Encoding": "gzip" }),
    );
    return answer.headers["content-encoding"] === "gzip"
      ? Buffer.from(Bun.gunzipSync(new Uint8Array(answer.body))).toString()
      : answer.text;
  };
  expect(await get()).toBe("plain");
  await Bun.write(`${folder.path}/a.css.gz`, Bun.gzipSync("one"));
  expect(await get()).toBe("one");
  await Bun.write(`${folder.path}/a.css.gz`, Bun.gzipSync("two"));
  expect(await get()).toBe("two");
  await Bun.file(`${folder.path}/a.css.gz`).delete();
  expect(await get()).toBe("plain");
});

test("download and index", async () => {
  using folder = temporaryFolder({ "home.htm": "home", "Größe.txt": "x" });
  await using doors = await openDoors((app) => {
    app.serveDirectory("/d", folder.path, { download: true });
    app.serveDirectory("/i", folder.path, { index: "home.htm" });
  });
  expect((await doors.ask("/d/Gr%C3%B6%C3%9Fe.txt")).headers["content-disposition"]).toBe(
    "attachment; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt",
  );
  expect((await doors.ask("/i/")).text).toBe("home");
});

test("mistakes are named at once", () => {
  using folder = temporaryFolder({ "a.txt": "a" });
  const app = new Robyn();
  const define =
    (directory: string, options: object = {}) =>
    () =>
      app.serveDirectory("/s", directory, options);
  expect(define(`${folder.path}/missing`)).toThrow("ROBYN_DIRECTORY_NOT_FOUND");
  expect(define(`${folder.path}/a.txt`)).toThrow("ROBYN_DIRECTORY_NOT_FOUND");
  expect(define("no/such/place")).toThrow(
    /"no\/such\/place", but \/.*no\/such\/place is no directory/,
  );
  for (const [options, message] of [
    [{ lisitng: true }, 'the unknown option "lisitng"'],
    [{ cache: { maxage: 1 } }, 'the unknown cache option "maxage"'],
    [{ cache: { maxAge: -1 } }, "-1 as cache.maxAge"],
    [{ cache: { maxAge: 1.5 } }, "1.5 as cache.maxAge"],
    [{ cache: { immutable: "yes" } }, '"yes" as cache.immutable'],
    [{ spa: "yes" }, '"yes" as spa'],
    [{ index: "../index.html" }, '"../index.html" as index'],
    [{ index: "" }, '"" as index'],
    [{ dotfiles: "deny" }, '"deny" as dotfiles'],
  ] as const) {
    expect(define(folder.path, options)).toThrow(message);
    expect(define(folder.path, options)).toThrow("ROBYN_OPTION_INVALID");
  }
  app.serveDirectory("/s", folder.path);
  app.serveDirectory("/s/", folder.path);
  expect(app.request("/s/a.txt")).rejects.toThrow("ROBYN_ROUTE_CONFLICT");
});

test("many spellings of many paths do not fill the memory", async () => {
  using folder = temporaryFolder({ "a.txt": "a".repeat(60_000) });
  const app = quietApp();
  app.serveDirectory("/", folder.path);
  const spell = (number: number) =>
    [..."/a.txt"]
      .map((character, bit) =>
        bit > 0 && (number >> (bit - 1)) & 1
          ? `%${character.charCodeAt(0).toString(16)}`
          : character,
      )
      .join("");
  await app.request("/a.txt");
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 200; round++)
    for (let number = 0; number < 32; number++)
      expect((await app.request(`${spell(number)}?${round}`)).status).toBe(200);
  Bun.gc(true);
  expect(process.memoryUsage().rss - before).toBeLessThan(96 * 1_048_576);
});
