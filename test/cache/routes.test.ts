/** What is kept, under which key, for whom: on both cores, in process. */
import { describe, expect, test } from "bun:test";
import { type CachePolicy, type Robyn, serveFile } from "robyn";
import { loadCore } from "../../src/native/load.ts";
import { silentLogger } from "../support/log.ts";
import { hasZigCore } from "../support/native.ts";
import { quietApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

/** Where the system promises memory that it does not have, nothing is refused. */
const setting = Bun.file("/proc/sys/vm/overcommit_memory");
const promisesMemory = (await setting.exists()) && (await setting.text()).trim() === "1";

const cores = hasZigCore ? (["zig", "portable"] as const) : (["portable"] as const);

interface Answer {
  readonly text: string;
  readonly status: number;
  readonly cacheStatus: string | null;
  readonly headers: Headers;
}

async function ask(app: Robyn, target: string, init?: RequestInit): Promise<Answer> {
  const response = await app.request(target, init);
  const { status, headers } = response;
  return { text: await response.text(), status, cacheStatus: headers.get("cache-status"), headers };
}

describe.each(cores)("with the %s core", (core) => {
  /** `/count/:id` answers how often it ran. */
  function counting(policy: number | CachePolicy): Robyn {
    let runs = 0;
    const app = quietApp({ core });
    app.get("/count/:id", { cache: policy }, ({ params }) => ({ id: params.id, run: ++runs }));
    return app;
  }

  test("the handler runs once, and the answer says where it comes from", async () => {
    const app = counting(60);
    const first = await ask(app, "/count/1");
    expect(first).toMatchObject({
      text: '{"id":"1","run":1}',
      cacheStatus: "robyn; fwd=miss; stored; ttl=60",
    });
    for (const again of [await ask(app, "/count/1"), await ask(app, "/count/1")]) {
      expect(again).toMatchObject({ text: first.text, cacheStatus: "robyn; hit; ttl=60" });
      expect(again.headers.get("age")).toBe("0");
      expect(again.headers.get("content-type")).toBe(first.headers.get("content-type"));
    }
    expect(app.cache.stats()).toMatchObject({ hits: 2, misses: 1, stored: 1 });
  });

  test("path, query and host are of the key; spelling of the path is not", async () => {
    const app = counting(60);
    const runs: string[] = [];
    for (const target of [
      "/count/1",
      "/count/2",
      "/count/1?a=1",
      "/count/1?a=2",
      "http://other.example/count/1",
      "/count/1/",
      "/count/%31",
    ])
      runs.push((await ask(app, target)).text.replace(/.*"run":(\d+).*/, "$1"));
    expect(runs).toEqual(["1", "2", "3", "4", "5", "1", "1"]);
  });

  test("a key function replaces the query", async () => {
    const app = counting({ ttl: 60, key: ({ query }) => String(query.page ?? 1) });
    const first = await ask(app, "/count/1?page=2&utm=x");
    expect((await ask(app, "/count/1?utm=y&page=2")).text).toBe(first.text);
    expect((await ask(app, "/count/1?page=3")).text).not.toBe(first.text);
  });

  test("headers of vary are of the key, and the answer says so", async () => {
    const app = counting({ ttl: 60, vary: ["Accept-Language"] });
    const german = { headers: { "accept-language": "de" } };
    const first = await ask(app, "/count/1", german);
    expect(first.headers.get("vary")).toBe("accept-language");
    expect((await ask(app, "/count/1", { headers: { "accept-language": "en" } })).text).not.toBe(
      first.text,
    );
    expect((await ask(app, "/count/1")).text).toBe('{"id":"1","run":3}');
    expect(await ask(app, "/count/1", german)).toMatchObject({
      text: first.text,
      cacheStatus: "robyn; hit; ttl=60",
    });
  });

  test("requests with credentials reach the handler, unless the route says otherwise", async () => {
    const requests: Record<string, string>[] = [{ authorization: "Bearer x" }, { cookie: "a=b" }];
    for (const headers of requests) {
      const closed = counting(60);
      await ask(closed, "/count/1");
      const own = await ask(closed, "/count/1", { headers });
      expect(own).toMatchObject({ text: '{"id":"1","run":2}', cacheStatus: null });
      expect((await ask(closed, "/count/1")).text).toBe('{"id":"1","run":1}');
      expect(closed.cache.stats()).toMatchObject({ bypassed: 1, stored: 1 });
      const open = counting({ ttl: 60, credentials: true });
      const first = await ask(open, "/count/1", { headers });
      expect((await ask(open, "/count/1")).text).toBe(first.text);
    }
  });

  test("HEAD is answered from the cache, and keeps nothing itself", async () => {
    const app = counting(60);
    const before = await ask(app, "/count/1", { method: "HEAD" });
    expect(before).toMatchObject({ status: 200, text: "" });
    expect((await ask(app, "/count/1")).text).toBe('{"id":"1","run":2}');
    const after = await ask(app, "/count/1", { method: "HEAD" });
    expect(after.cacheStatus).toBe("robyn; hit; ttl=60");
  });

  test("what may not be kept is not", async () => {
    let runs = 0;
    const app = quietApp({ core });
    const answer = (init: ResponseInit) => () => new Response(String(++runs), init);
    app.get("/cookie", { cache: 60 }, answer({ headers: { "set-cookie": "a=b" } }));
    app.get("/own-cookie", { cache: 60 }, ({ setCookie }) => {
      setCookie("a", "b");
      return ++runs;
    });
    app.get("/no-store", { cache: 60 }, answer({ headers: { "cache-control": "no-store" } }));
    app.get(
      "/private",
      { cache: 60 },
      answer({ headers: { "cache-control": "Private, max-age=9" } }),
    );
    app.get("/vary", { cache: 60 }, answer({ headers: { vary: "accept-language" } }));
    app.get("/star", { cache: { ttl: 60, vary: ["a"] } }, answer({ headers: { vary: "*" } }));
    app.get("/error", { cache: 60 }, answer({ status: 500 }));
    app.get("/part", { cache: 60 }, answer({ status: 206 }));
    app.get("/stream", { cache: 60 }, async function* () {
      yield String(++runs);
    });
    app.get("/file", { cache: 60 }, () => {
      runs++;
      return serveFile(import.meta.path);
    });
    app.get("/throws", { cache: 60 }, () => {
      runs++;
      throw new Error("on purpose");
    });
    app.get("/large", { cache: 60 }, () => `${++runs}${"x".repeat(4_000_000)}`);
    const targets = app.collect().routes.map(({ path }) => path);
    for (const target of targets) {
      const before = runs;
      for (let round = 0; round < 3; round++) await ask(app, target);
      expect([target, runs - before]).toEqual([target, 3]);
    }
    expect(app.cache.stats()).toMatchObject({ hits: 0, stored: 0 });
  });

  test("what says nothing against it is: 404, 204, redirects, text, bytes, HTML", async () => {
    let runs = 0;
    const app = quietApp({ core });
    app.get("/404", { cache: 60 }, ({ status }) => status(404, { run: ++runs }));
    app.get("/204", { cache: 60 }, () => void runs++);
    app.get("/308", { cache: 60 }, ({ redirect }) => (runs++, redirect("/404", 308)));
    app.get("/text", { cache: 60 }, () => `text ${++runs}`);
    app.get("/response", { cache: 60 }, () => new Response(`text ${++runs}`));
    app.get("/bytes", { cache: 60 }, () => new Uint8Array([++runs, 0, 255]));
    app.get("/html", { cache: 60 }, ({ html }) => html(`<p>${++runs} äöü`));
    for (const { path } of app.collect().routes) {
      const before = runs;
      const first = await ask(app, path, { redirect: "manual" });
      const second = await ask(app, path, { redirect: "manual" });
      expect([path, runs - before]).toEqual([path, 1]);
      expect(second.cacheStatus).toBe("robyn; hit; ttl=60");
      const { cacheStatus: _, headers: firstHeaders, ...expected } = first;
      expect(second).toMatchObject(expected);
      for (const name of ["content-type", "location"])
        expect([path, second.headers.get(name)]).toEqual([path, firstHeaders.get(name)]);
    }
  });

  test("hooks run on every request; their headers are of one answer, the handler's of all", async () => {
    let asked = 0;
    const app = quietApp({ core });
    app.beforeRequest(({ responseHeaders }) => {
      responseHeaders.set("x-request", String(++asked));
      responseHeaders.append("set-cookie", "seen=yes");
    });
    app.afterRequest((response) => response.headers.set("x-after", String(asked)));
    app.get("/", { cache: 60 }, ({ responseHeaders }) => {
      responseHeaders.set("x-handler", String(asked));
      return "body";
    });
    for (let round = 1; round <= 3; round++) {
      const { headers, text } = await ask(app, "/");
      expect(text).toBe("body");
      expect(headers.get("x-request")).toBe(String(round));
      expect(headers.get("x-after")).toBe(String(round));
      expect(headers.get("x-handler")).toBe("1");
      expect(headers.getSetCookie()).toEqual(["seen=yes"]);
    }
  });

  test("a before hook that answers goes before the cache", async () => {
    const app = quietApp({ core });
    app.beforeRequest(({ request, status }) =>
      request.headers.has("x-let-me-in") ? undefined : status(401, "no"),
    );
    app.get("/", { cache: 60 }, () => "secret");
    const key = { headers: { "x-let-me-in": "1" } };
    expect((await ask(app, "/", key)).text).toBe("secret");
    expect((await ask(app, "/", key)).cacheStatus).toBe("robyn; hit; ttl=60");
    expect((await ask(app, "/")).status).toBe(401);
  });

  test("concurrent misses run the handler once", async () => {
    let runs = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const app = quietApp({ core });
    app.get("/", { cache: 60 }, async () => {
      runs++;
      await promise;
      return "made";
    });
    const answers = Array.from({ length: 20 }, () => ask(app, "/"));
    resolve();
    for (const { text } of await Promise.all(answers)) expect(text).toBe("made");
    expect(runs).toBe(1);
    expect(app.cache.stats()).toMatchObject({ misses: 20, waited: 19 });
  });

  test("who waited for a handler that failed runs it", async () => {
    let runs = 0;
    const app = quietApp({ core });
    app.get("/", { cache: 60 }, async () => {
      await Bun.sleep(1);
      if (++runs === 1) throw new Error("on purpose");
      return "made";
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(app, "/")));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 500]);
  });

  test("a handler that hangs does not hold its key for longer than it has time", async () => {
    let runs = 0;
    const app = quietApp({ core });
    app.get("/", { cache: 60, timeout: 0.1 }, () =>
      ++runs === 1 ? new Promise(() => {}) : "made",
    );
    expect((await ask(app, "/")).status).toBe(503);
    await until("another run", async () => (await ask(app, "/")).text === "made");
    expect(runs).toBe(2);
  });

  test("the cache is bounded, and what is asked for survives a scan", async () => {
    const app = quietApp({ core });
    let runs = 0;
    app.get("/:id", { cache: 60 }, ({ params }) => `${++runs} ${params.id} ${"x".repeat(100_000)}`);
    const wanted = (await ask(app, "/wanted")).text;
    for (let id = 0; id < 1_000; id++) {
      await ask(app, `/${id}`);
      if (id % 20 === 0) expect((await ask(app, "/wanted")).text).toBe(wanted);
    }
    const stats = app.cache.stats()!;
    expect(stats.bytes).toBeLessThanOrEqual(stats.capacity);
    expect(stats.evictions).toBeGreaterThan(500);
  });
});

describe("definitions that cannot be meant", () => {
  const bad: [what: string, define: (app: Robyn) => unknown][] = [
    ["no time", (app) => app.get("/", { cache: 0 }, () => "")],
    ["a time without end", (app) => app.get("/", { cache: Number.POSITIVE_INFINITY }, () => "")],
    [
      "a negative extension",
      (app) => app.get("/", { cache: { ttl: 1, staleWhileRevalidate: -1 } }, () => ""),
    ],
    [
      "a header that is none",
      (app) => app.get("/", { cache: { ttl: 1, vary: ["a b"] } }, () => ""),
    ],
    ["const as well", (app) => app.get("/", { cache: 1, const: true }, () => "")],
    ["another method", (app) => app.post("/", { cache: 1 }, () => "")],
    ["an unknown option", (app) => app.get("/", { cache: { ttl: 1, tag: ["a"] } }, () => "")],
  ];
  test.each(bad)("are refused: %s", async (_, define) => {
    const app = quietApp();
    define(app);
    await expect(app.compile()).rejects.toMatchObject({ code: "ROBYN_OPTION_INVALID" });
  });

  test("a size of the cache is a whole number of bytes, and not too small", async () => {
    const app = quietApp();
    await expect(app.start({ port: 0, cacheSize: 1_000 })).rejects.toMatchObject({
      code: "ROBYN_OPTION_INVALID",
    });
  });

  test.skipIf(!hasZigCore || promisesMemory)(
    "a size that no machine has is told apart from a fault",
    () => {
      const open = () =>
        loadCore("zig", silentLogger).openSegment({ descriptor: undefined, slot: 0 }, 2 ** 46);
      expect(open).toThrow("has no memory for a cache of 70368744177664 bytes");
    },
  );
});
