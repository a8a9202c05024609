/** Directories: index, redirects that stay on the site, listings; and what a mount leaves to others. */
import { symlinkSync } from "node:fs";
import { expect, test } from "bun:test";
import { openDoors } from "../support/doors.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

test("a directory is answered by its index, behind a slash", async () => {
  using folder = temporaryFolder({
    "index.html": "root",
    "docs/index.html": "docs",
    "docs/a.txt": "a",
  });
  await using doors = await openDoors((app) => app.serveDirectory("/s", folder.path));
  expect((await doors.ask("/s/")).text).toBe("root");
  expect((await doors.ask("/s/docs/")).text).toBe("docs");
  expect((await doors.ask("/s/docs/index.html")).text).toBe("docs");
  for (const [target, location] of [
    ["/s", "/s/"],
    ["/s?a=1", "/s/?a=1"],
    ["/s/docs", "/s/docs/"],
    ["/s/docs?a=%0d%0a&b=//x", "/s/docs/?a=%0d%0a&b=//x"],
    ["/%73/d%6Fcs", "/s/docs/"],
  ] as const) {
    const { status, headers } = await doors.ask(target);
    expect([target, status, headers["location"]]).toEqual([target, 308, location]);
    expect(headers["cache-control"]).toBe("no-cache");
  }
});

test("a mount at the root needs no redirect", async () => {
  using folder = temporaryFolder({ "index.html": "root" });
  await using doors = await openDoors((app) => app.serveDirectory("/", folder.path));
  for (const target of ["/", "/?a", "/index.html"])
    expect((await doors.ask(target)).text).toBe("root");
});

test("strict routes change nothing", async () => {
  using folder = temporaryFolder({ "index.html": "root", "docs/index.html": "docs" });
  const app = quietApp({ strict: true });
  app.serveDirectory("/s/", folder.path);
  expect((await app.request("/s/")).status).toBe(200);
  expect((await app.request("/s/docs/")).status).toBe(200);
  expect((await app.request("/s/docs")).headers.get("location")).toBe("/s/docs/");
});

test("no redirect leaves the site", async () => {
  using folder = temporaryFolder({
    "evil.com/index.html": "x",
    "index.html": "root",
    "a/evil.com/index.html": "x",
  });
  for (const route of ["/", "/a"]) {
    const app = quietApp();
    app.serveDirectory(route, folder.path, { listing: true });
    await using server = await serveApp(app);
    for (const target of [
      "//evil.com/..",
      "//evil.com",
      "///evil.com",
      "//evil.com/%2e%2e",
      "/\\evil.com",
      "/%5Cevil.com",
      "/%2Fevil.com",
      "/.//evil.com",
      "/x/..//evil.com",
      "/a//evil.com",
      "/a/evil.com",
      "/evil.com",
      "http://evil.com/evil.com",
      "//evil.com/evil.com",
    ]) {
      const { headers } = await exchange(
        server.port,
        request("GET", target, { Connection: "close" }),
      );
      const location = headers["location"];
      if (location !== undefined)
        expect([target, /^\/[^/\\]/.test(location)]).toEqual([target, true]);
    }
  }
});

test("a directory without index is 404, or a listing where it is asked for", async () => {
  using folder = temporaryFolder({ "docs/b.txt": "b" });
  await using closed = await openDoors((app) => app.serveDirectory("/", folder.path));
  expect((await closed.ask("/")).status).toBe(404);
  expect((await closed.ask("/docs/")).status).toBe(404);
  // Not even that it exists is told.
  expect((await closed.ask("/docs")).status).toBe(404);
  await using open = await openDoors((app) =>
    app.serveDirectory("/", folder.path, { listing: true }),
  );
  const { status, headers, text } = await open.ask("/docs/");
  expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  expect(headers["content-security-policy"]).toBe("default-src 'none'");
  expect(text).toContain('<a href="b.txt">b.txt</a>');
  expect(text).toContain('<a href="../">../</a>');
  expect((await open.ask("/docs")).headers["location"]).toBe("/docs/");
  expect((await open.ask({ method: "HEAD", target: "/docs/" })).status).toBe(200);
});

test("a listing escapes names, puts directories first and leaves out what is not served", async () => {
  using outside = temporaryFolder({ secret: "x" });
  using folder = temporaryFolder({
    '"><img src=x onerror=alert(1)>.txt': "1",
    "a&b 'c'.txt": "2",
    "javascript:alert(1)": "not served",
    "100%.txt": "3",
    "zebra/x": "4",
    "apple/x": "5",
    ".hidden": "6",
    "Größe?.txt": "7",
    "dir<b>/x": "8",
  });
  symlinkSync(`${outside.path}/secret`, `${folder.path}/escape`);
  symlinkSync("apple", `${folder.path}/link`);
  await using doors = await openDoors((app) =>
    app.serveDirectory("/l", folder.path, { listing: true }),
  );
  const { text } = await doors.ask("/l/");
  const links = [...text.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, name]) => [
    href,
    name,
  ]);
  expect(links).toEqual([
    ["apple/", "apple/"],
    ["dir%3Cb%3E/", "dir&lt;b&gt;/"],
    ["link/", "link/"],
    ["zebra/", "zebra/"],
    [
      "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.txt",
      "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;.txt",
    ],
    ["100%25.txt", "100%.txt"],
    ["Gr%C3%B6%C3%9Fe%3F.txt", "Größe?.txt"],
    ["a%26b%20&#x27;c&#x27;.txt", "a&amp;b &#x27;c&#x27;.txt"],
  ]);
  expect(text).not.toContain("<img");
  expect(text).not.toContain("<b>");
  for (const [href] of links.filter(([href]) => !href!.endsWith("/")))
    expect((await doors.ask(`/l/${href!.replaceAll("&#x27;", "'")}`)).status).toBe(200);
  expect((await doors.ask("/l/dir%3Cb%3E/")).text).toContain("<h1>/dir&lt;b&gt;/</h1>");
});

test("routes win over files by precedence, in any order of definition, also at the root", async () => {
  using folder = temporaryFolder({
    "index.html": "index",
    "api/users": "file",
    "api/other": "file",
    "a.txt": "a",
  });
  await using doors = await openDoors((app) => {
    app.serveDirectory("/", folder.path);
    app.get("/api/users", () => "route");
    app.post("/api/users", () => "posted");
    app.get("/api/:id/x", () => "parameter");
    app.put("/a.txt", () => "put");
    app.get("/c", { const: true }, () => "const");
  });
  expect((await doors.ask("/api/users")).text).toBe("route");
  expect((await doors.ask({ method: "POST", target: "/api/users", body: "x" })).text).toBe(
    "posted",
  );
  expect((await doors.ask("/api/7/x")).text).toBe("parameter");
  expect((await doors.ask("/api/other")).text).toBe("file");
  expect((await doors.ask("/a.txt")).text).toBe("a");
  expect((await doors.ask({ method: "PUT", target: "/a.txt", body: "x" })).text).toBe("put");
  expect((await doors.ask("/c")).text).toBe("const");
  expect((await doors.ask("/api/nothing")).status).toBe(404);
});

test("other methods than GET and HEAD are 405, OPTIONS tells which are there", async () => {
  using folder = temporaryFolder({ "a.txt": "a" });
  await using doors = await openDoors((app) => app.serveDirectory("/s", folder.path));
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    const { status, headers } = await doors.ask({ method, target: "/s/a.txt" });
    expect([method, status, headers["allow"]]).toEqual([method, 405, "GET, HEAD, OPTIONS"]);
  }
  const options = await doors.ask({ method: "OPTIONS", target: "/s/a.txt" });
  expect([options.status, options.headers["allow"]]).toEqual([204, "GET, HEAD, OPTIONS"]);
});

test("hooks and exception handlers apply to files, and cannot change what is kept of them", async () => {
  using folder = temporaryFolder({ "a.txt": "a" });
  await using doors = await openDoors((app) => {
    let count = 0;
    app.beforeRequest("/s/private/*", ({ status }) => status(401));
    app.afterRequest((response) => {
      response.headers.append("x-after", String(++count));
      response.headers.delete("cache-control");
    });
    app.exception((error) =>
      Object(error).status === 404 ? new Response("lost", { status: 404 }) : undefined,
    );
    app.serveDirectory("/s", folder.path);
  });
  for (const count of ["1", "2", "3"])
    expect((await doors.ask("/s/a.txt")).headers["x-after"]).toBe(count);
  expect((await doors.ask("/s/private/x")).status).toBe(401);
  expect((await doors.ask("/s/missing")).text).toBe("lost");
});

test("a route with parameters in front of the files", async () => {
  using folder = temporaryFolder({ "a/b.txt": "b" });
  await using doors = await openDoors((app) =>
    app.serveDirectory("/:tenant/files", folder.path, { listing: true }),
  );
  expect((await doors.ask("/x%2Fy/files/a/b.txt")).text).toBe("b");
  expect((await doors.ask("/x%2Fy/files/a")).headers["location"]).toBe("/x%2Fy/files/a/");
});
