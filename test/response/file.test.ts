/** `serveFile`: types, names, methods, and what is no file. */
import { mkdirSync } from "node:fs";
import { expect, test } from "bun:test";
import { serveFile } from "robyn";
import { contentDisposition } from "../../src/http/content-disposition.ts";
import { contentTypeOf } from "../../src/http/content-type.ts";
import { openDoors } from "../support/doors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

test("a file is the same through every door, small and large", async () => {
  using folder = temporaryFolder({
    "small.txt": "small",
    "large.zip": "x".repeat(200_000),
    empty: "",
  });
  await using doors = await openDoors((app) => {
    app.get("/:name", ({ params }) => serveFile(`${folder.path}/${params.name}`));
  });
  const small = await doors.ask("/small.txt");
  expect([small.status, small.text]).toEqual([200, "small"]);
  expect(small.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "accept-ranges": "bytes",
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  expect((await doors.ask("/large.zip")).bytes.length).toBe(200_000);
  expect((await doors.ask("/empty")).headers["content-type"]).toBe("application/octet-stream");
  for (const target of ["/small.txt", "/large.zip", "/empty"]) {
    await doors.ask({ method: "HEAD", target });
    await doors.ask({ target, headers: { range: "bytes=0-0" } });
    await doors.ask({ target, headers: { range: "bytes=300000-" } });
    await doors.ask({ target, headers: { "if-none-match": "*" } });
    await doors.ask({ target, headers: { "if-match": '"x"' } });
  }
});

test("HEAD has the length and no body, and the connection goes on", async () => {
  using folder = temporaryFolder({ "small.txt": "small", "large.txt": "x".repeat(200_000) });
  const app = quietApp();
  app.get("/:name", ({ params }) => serveFile(`${folder.path}/${params.name}`));
  await using server = await serveApp(app);
  for (const [name, length] of [
    ["small.txt", "5"],
    ["large.txt", "200000"],
  ] as const) {
    const { status, headers } = await exchange(server.port, request("HEAD", `/${name}`), "HEAD");
    expect([status, headers["content-length"]]).toEqual([200, length]);
  }
});

test("what is no readable regular file is 404", async () => {
  using folder = temporaryFolder({ "a.txt": "a" });
  mkdirSync(`${folder.path}/directory`);
  Bun.spawnSync(["mkfifo", `${folder.path}/pipe`]);
  await using doors = await openDoors((app) => {
    app.get("/*path", ({ params }) => serveFile(`${folder.path}/${params.path}`));
    app.get("/nul", () => serveFile(`${folder.path}/a.txt\0.png`));
    app.get("/nothing", () => serveFile(""));
  });
  for (const target of [
    "/missing",
    "/directory",
    "/pipe",
    "/a.txt/b",
    `/${"x".repeat(300)}`,
    "/nul",
  ]) {
    const { status, headers, text } = await doors.ask(target);
    expect([target, status, headers["content-type"]]).toEqual([
      target,
      404,
      "application/problem+json",
    ]);
    expect(text).not.toContain(folder.path);
  }
  expect((await doors.ask("/nothing")).status).toBe(404);
});

test("options, statuses, headers and const routes", async () => {
  using folder = temporaryFolder({ "a.txt": "a", "404.html": "<p>lost" });
  await using doors = await openDoors((app) => {
    app.get("/typed", () => serveFile(`${folder.path}/a.txt`, { type: "text/x-own" }));
    app.get("/saved", () => serveFile(`${folder.path}/a.txt`, { download: true }));
    app.get("/named", () => serveFile(`${folder.path}/a.txt`, { name: "Größe.txt" }));
    app.get("/lost", ({ status }) => status(404, serveFile(`${folder.path}/404.html`)));
    app.get("/const", { const: true }, () => serveFile(`${folder.path}/a.txt`));
    app.get("/later", async () => serveFile(`${folder.path}/a.txt`));
    app.get("/cached", ({ responseHeaders }) => {
      responseHeaders.set("cache-control", "max-age=60");
      return serveFile(`${folder.path}/a.txt`);
    });
    app.afterRequest("/saved", (response) => response.headers.set("x-after", "1"));
  });
  expect((await doors.ask("/typed")).headers["content-type"]).toBe("text/x-own");
  const saved = await doors.ask("/saved");
  expect(saved.headers["content-disposition"]).toBe('attachment; filename="a.txt"');
  expect(saved.headers["x-after"]).toBe("1");
  expect((await doors.ask("/named")).headers["content-disposition"]).toBe(
    "inline; filename=\"Gr__e.txt\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.txt",
  );
  const lost = await doors.ask("/lost");
  expect([lost.status, lost.text]).toEqual([404, "<p>lost"]);
  expect((await doors.ask("/const")).text).toBe("a");
  expect((await doors.ask("/later")).text).toBe("a");
  expect((await doors.ask("/cached")).headers["cache-control"]).toBe("max-age=60");
});

test("mistakes in the call are named", () => {
  // @ts-expect-error a path is a string
  expect(() => serveFile(7)).toThrow("serveFile() was given 7");
  // @ts-expect-error no such option
  expect(() => serveFile("a", { downlaod: true })).toThrow('unknown option "downlaod"');
});

test("types by extension, with charset for text", () => {
  expect(
    [
      "a.html",
      "A.HTML",
      "a.md",
      "a.js",
      "a.json",
      "a.svg",
      "a.woff2",
      "a.unknown",
      "noextension",
      ".env",
    ].map(contentTypeOf),
  ).toEqual([
    "text/html; charset=utf-8",
    "text/html; charset=utf-8",
    "text/markdown; charset=utf-8",
    "text/javascript; charset=utf-8",
    "application/json; charset=utf-8",
    "image/svg+xml",
    "font/woff2",
    "application/octet-stream",
    "application/octet-stream",
    "application/octet-stream",
  ]);
});

test("names in Content-Disposition cannot end the header or the quotes", () => {
  const names: [string, string][] = [
    ["plain.txt", 'attachment; filename="plain.txt"'],
    ["", "attachment"],
    ["a b.txt", 'attachment; filename="a b.txt"'],
    ["../../etc/passwd", 'attachment; filename="passwd"'],
    ["C:\\x\\evil.exe", 'attachment; filename="evil.exe"'],
    ['a"; x="b', "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"],
    ["a\r\nSet-Cookie: b=c\0", 'attachment; filename="aSet-Cookie: b=c"'],
    ["100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"],
    ["it's (1)*.txt", 'attachment; filename="it\'s (1)*.txt"'],
    [
      "ä's (1)*.txt",
      "attachment; filename=\"_'s (1)*.txt\"; filename*=UTF-8''%C3%A4%27s%20%281%29%2A.txt",
    ],
    ["😀.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%F0%9F%98%80.png"],
    ["\ud800.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%EF%BF%BD.png"],
  ];
  for (const [name, expected] of names)
    expect(contentDisposition("attachment", name)).toBe(expected);
});

test("a hostile name is sent as one header", async () => {
  using folder = temporaryFolder({ "a.txt": "a" });
  const app = quietApp();
  app.get("/", ({ query }) => serveFile(`${folder.path}/a.txt`, { name: String(query.name) }));
  await using server = await serveApp(app);
  const { status, headers } = await exchange(
    server.port,
    request("GET", "/?name=a%0d%0aSet-Cookie:%20b=c%22%3b%00%e2%80%a8"),
  );
  expect(status).toBe(200);
  expect(headers["set-cookie"]).toBeUndefined();
});
