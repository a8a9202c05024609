/** Nothing outside of the directory, nothing hidden in it, one spelling per file, whatever is sent. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Doors, openDoors } from "../support/doors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const secret = "the secret";
const folder = temporaryFolder({
  "secret.txt": secret,
  "secrets/key": secret,
  "public-2/neighbour.txt": secret,
  "public/index.html": "index",
  "public/a.txt": "a",
  "public/a b.txt": "space",
  "public/größe.txt": "umlaut",
  "public/100%.txt": "percent",
  "public/%2e%2e.txt": "literal percent",
  "public/admin/x.txt": "admin",
  "public/.env": secret,
  "public/.git/config": secret,
  "public/sub/.hidden": secret,
  "public/back\\slash.txt": secret,
  "public/a:b.txt": secret,
  "public/dot.": secret,
  "public/__proto__": "proto",
});
const root = `${folder.path}/public`;
let doors: Doors;

beforeAll(async () => {
  symlinkSync("../secret.txt", `${root}/out.txt`);
  symlinkSync("../secrets", `${root}/out`);
  symlinkSync("../public-2", `${root}/neighbour`);
  symlinkSync("/etc/passwd", `${root}/absolute`);
  symlinkSync("a.txt", `${root}/in.txt`);
  symlinkSync("admin", `${root}/in`);
  symlinkSync("loop", `${root}/loop`);
  symlinkSync("nowhere", `${root}/dangling`);
  symlinkSync(root, `${folder.path}/alias`);
  mkdirSync(`${root}/empty`);
  writeFileSync(`${root}/big.txt`, "x".repeat(100_000));
  doors = await openDoors((app) => {
    app.serveDirectory("/static", root);
    app.serveDirectory("/alias", `${folder.path}/alias`);
    app.serveDirectory("/open", root, { dotfiles: "allow" });
  });
});
afterAll(async () => {
  await doors[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const found: [target: string, text: string][] = [
  ["/static/a.txt", "a"],
  ["/static/%61.txt", "a"],
  ["/static/a.txt?v=1", "a"],
  ["/static/a%20b.txt", "space"],
  ["/static/gr%C3%B6%C3%9Fe.txt", "umlaut"],
  ["/static/100%25.txt", "percent"],
  ["/static/%252e%252e.txt", "literal percent"],
  ["/static/in.txt", "a"],
  ["/static/in/x.txt", "admin"],
  ["/static/__proto__", "proto"],
  ["/alias/a.txt", "a"],
  ["/open/.env", secret],
  ["/open/.git/config", secret],
];
for (const [target, text] of found) {
  test(`${target} is found`, async () => {
    const answer = await doors.ask(target);
    expect([answer.status, answer.text]).toEqual([200, text]);
    // Once more: the second answer comes from what was kept of the first.
    expect((await doors.ask(target)).text).toBe(text);
  });
}

const refused = [
  "/static/../secret.txt",
  "/static/%2e%2e/secret.txt",
  "/static/..%2fsecret.txt",
  "/static/%2e%2e%2fsecret.txt",
  "/static/..%5csecret.txt",
  "/static/..\\secret.txt",
  "/static/%252e%252e/secret.txt",
  "/static/%252e%252e%252fsecret.txt",
  "/static/.%2e/secret.txt",
  "/static/%c0%ae%c0%ae/secret.txt",
  "/static/%c0%ae%c0%ae%c0%afsecret.txt",
  "/static/..;/secret.txt",
  "/static/...%2fsecret.txt",
  "/static/admin/..%2f..%2f..%2fsecret.txt",
  "/static//etc/passwd",
  "/static/%2fetc%2fpasswd",
  "/static/%2Fa.txt",
  "/static/a.txt%00.png",
  "/static/a.txt%00",
  "/static/a.txt/",
  "/static/a.txt/b",
  "/static//a.txt",
  "/static/admin//x.txt",
  "/static/admin%2Fx.txt",
  "/static/admin%5Cx.txt",
  "/static/.env",
  "/static/%2eenv",
  "/static/.git/config",
  "/static/.git/",
  "/static/.git",
  "/static/sub/.hidden",
  "/static/back%5Cslash.txt",
  "/static/a:b.txt",
  "/static/a%3Ab.txt",
  "/static/a.txt::$DATA",
  "/static/C:/secret.txt",
  "/static/dot.",
  "/static/a.txt.",
  "/static/a.txt%20",
  "/static/A.TXT",
  "/static/out.txt",
  "/static/out/key",
  "/static/out",
  "/static/out/",
  "/static/neighbour/neighbour.txt",
  "/static/absolute",
  "/static/loop",
  "/static/loop/a.txt",
  "/static/dangling",
  "/static/empty",
  "/static/empty/",
  "/static/missing",
  "/static/constructor",
  `/static/${"a".repeat(300)}`,
  `/static/${"a/".repeat(2_000)}`,
  "/open/out.txt",
  "/open/../secret.txt",
  "/open/..%2fsecret.txt",
  "/static-2/neighbour.txt",
  "/public-2/neighbour.txt",
];
for (const target of refused) {
  test(`${target.slice(0, 60)} is refused`, async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, text, headers } = await doors.ask({ method, target });
      expect([400, 404]).toContain(status);
      expect(text).not.toContain(secret);
      expect(text).not.toContain(folder.path);
      expect(headers["location"]).toBeUndefined();
    }
  });
}

test("raw targets that fetch would not send get nothing either", async () => {
  const app = quietApp();
  app.serveDirectory("/static", root);
  app.serveDirectory("/", root);
  await using server = await serveApp(app);
  for (const target of [
    "/static/../../secret.txt",
    "/../secret.txt",
    "//secret.txt",
    "/\\secret.txt",
    "\\secret.txt",
    "/static/a.txt\0",
    "http://x/static/../../secret.txt",
    "/static/\xc0\xae\xc0\xae/secret.txt",
    "*",
  ]) {
    const { status, text } = await exchange(
      server.port,
      Buffer.from(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, "latin1"),
    );
    expect([target, status < 300]).toEqual([target, false]);
    expect(text).not.toContain(secret);
  }
});

test("a link that is turned to the outside is refused from then on", async () => {
  using own = temporaryFolder({ "outside.txt": secret, "public/a.txt": "a" });
  symlinkSync("a.txt", `${own.path}/public/link.txt`);
  const app = quietApp();
  app.serveDirectory("/", `${own.path}/public`);
  await using server = await serveApp(app);
  expect((await exchange(server.port, request("GET", "/link.txt"))).text).toBe("a");
  Bun.spawnSync(["ln", "-sfn", "../outside.txt", `${own.path}/public/link.txt`]);
  expect((await exchange(server.port, request("GET", "/link.txt"))).status).toBe(404);
});

test("a guard sees every spelling under which a file is served", async () => {
  const app = quietApp();
  app.beforeRequest("/static/admin/*", ({ status }) => status(401));
  app.serveDirectory("/static", root);
  await using server = await serveApp(app);
  const piece = [
    "admin",
    "%61dmin",
    "ADMIN",
    "admin%2F",
    "admin%2f",
    "./admin",
    "x/../admin",
    "admin;",
    "admin%20",
    "in",
  ];
  const separators = ["/", "//", "/./", "%2F", "%5C", "\\", "/%2e/"];
  for (const prefix of [
    "/static",
    "/static/",
    "//static",
    "/%73tatic",
    "/./static",
    "/x/../static",
  ])
    for (const name of piece)
      for (const separator of separators) {
        const target = `${prefix}/${name}${separator}x.txt`;
        const { status, text } = await exchange(server.port, request("GET", target));
        // A link is a second path to the same file; it is for whoever made it to guard.
        if (text === "admin") expect([target, name]).toEqual([target, "in"]);
        else expect([target, [301, 400, 401, 404].includes(status)]).toEqual([target, true]);
      }
}, 20_000);
