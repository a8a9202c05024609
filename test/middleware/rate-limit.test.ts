/** Rate limits as a client sees them. Time is the test's own, so nothing depends on how fast a machine is. */
import { describe, expect, test } from "bun:test";
import { HttpError, rateLimit, type RateLimitOptions, Robyn, SubRouter } from "robyn";
import { cores } from "../support/cores.ts";
import { handClock } from "../support/clock.ts";
import { recordingLogger, silentLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const everybody = () => "everybody";

for (const { name: core } of cores) {
  const newApp = () => {
    const clock = handClock();
    const app = new Robyn({ core, logger: silentLogger });
    app.beforeRequest(clock.hook);
    return { app, clock };
  };
  const limited = (options: RateLimitOptions | readonly RateLimitOptions[]) => {
    const made = newApp();
    made.app.get("/", { rateLimit: options }, () => "in");
    return made;
  };
  const statuses = async (app: Robyn, count: number, path = "/", init?: RequestInit) => {
    const seen: number[] = [];
    for (let index = 0; index < count; index++) seen.push((await app.request(path, init)).status);
    return seen;
  };

  describe(`a rate limit on the ${core} core`, () => {
    test("lets the limit in at once, then one by one as time passes", async () => {
      const { app, clock } = limited({ limit: 3, window: 60 });
      expect(await statuses(app, 5)).toEqual([200, 200, 200, 429, 429]);
      clock.pass(20);
      expect(await statuses(app, 2)).toEqual([200, 429]);
      clock.pass(3_600);
      expect(await statuses(app, 4)).toEqual([200, 200, 200, 429]);
    });

    test("with a burst of its own lets in so many at once, at the same pace", async () => {
      const { app, clock } = limited({ limit: 60, window: 60, burst: 2 });
      expect(await statuses(app, 3)).toEqual([200, 200, 429]);
      clock.pass(1);
      expect(await statuses(app, 2)).toEqual([200, 429]);
    });

    test("says in every answer what is left and when all of it is back", async () => {
      const { app, clock } = limited({ limit: 3, window: 60, name: "reads" });
      const fields = async () => {
        const { headers } = await app.request("/");
        return [headers.get("ratelimit-policy"), headers.get("ratelimit")];
      };
      expect(await fields()).toEqual(['"reads";q=3;w=60', '"reads";r=2;t=20']);
      clock.pass(0.5);
      expect(await fields()).toEqual(['"reads";q=3;w=60', '"reads";r=1;t=40']);
      await app.request("/");
      expect(await fields()).toEqual(['"reads";q=3;w=60', '"reads";r=0;t=60']);
    });

    test("refuses with a problem document, and whoever waits as told is let in", async () => {
      const { app, clock } = limited({ limit: 7, window: 60, burst: 2, name: "writes" });
      await statuses(app, 2);
      clock.pass(0.3);
      const response = await app.request("/");
      expect(response.status).toBe(429);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(response.headers.get("ratelimit-policy")).toBe('"writes";q=7;w=60');
      expect(response.headers.get("ratelimit")).toBe('"writes";r=0;t=17');
      expect(await response.json()).toEqual({
        type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        title: "Too Many Requests",
        status: 429,
        detail: "too many requests; the next one is allowed in 9 s",
        "violated-policies": ["writes"],
      });
      const wait = Number(response.headers.get("retry-after"));
      expect(wait).toBe(9);
      clock.pass(wait - 1);
      expect(await statuses(app, 1)).toEqual([429]);
      clock.pass(1);
      expect(await statuses(app, 1)).toEqual([200]);
    });

    test("of several windows asks all, and charges none for what one refuses", async () => {
      const { app, clock } = limited([
        { limit: 2, window: 1 },
        { limit: 5, window: 3_600, name: "hourly" },
      ]);
      expect(await statuses(app, 3)).toEqual([200, 200, 429]);
      const refused = await app.request("/");
      expect(refused.headers.get("ratelimit")).toBe('"2-in-1s";r=0;t=1, "hourly";r=3;t=1440');
      expect(await refused.json()).toMatchObject({ "violated-policies": ["2-in-1s"] });
      clock.pass(1);
      expect(await statuses(app, 2)).toEqual([200, 200]);
      clock.pass(1);
      expect(await statuses(app, 1)).toEqual([200]);
      const hourly = await app.request("/");
      expect(hourly.headers.get("retry-after")).toBe("718");
      expect(await hourly.json()).toMatchObject({ "violated-policies": ["hourly"] });
    });

    test("counts each route alone, and those of one name together", async () => {
      const { app } = newApp();
      const alone = { limit: 1, window: 60 };
      const shared = { ...alone, name: "shared" };
      for (const path of ["/a", "/b"]) app.get(path, { rateLimit: alone }, () => "in");
      for (const path of ["/c", "/d"]) app.get(path, { rateLimit: shared }, () => "in");
      const once = async (path: string) => (await statuses(app, 1, path))[0];
      expect([await once("/a"), await once("/b"), await once("/a")]).toEqual([200, 200, 429]);
      expect([await once("/c"), await once("/d"), await once("/c")]).toEqual([200, 429, 429]);
    });

    test("as a hook covers the paths of its pattern, a router, or everything, 404 too", async () => {
      const { app } = newApp();
      app.beforeRequest("/a/*", rateLimit({ limit: 1, window: 60 }));
      const inner = new SubRouter("/b").beforeRequest(rateLimit({ limit: 1, window: 60 }));
      app.includeRouter(inner.get("/x", () => "in"));
      app.get("/a/x", () => "in").get("/free", () => "in");
      expect(await statuses(app, 2, "/a/x")).toEqual([200, 429]);
      expect(await statuses(app, 2, "/a/none")).toEqual([429, 429]);
      expect(await statuses(app, 2, "/b/x")).toEqual([200, 429]);
      expect(await statuses(app, 3, "/free")).toEqual([200, 200, 200]);
    });

    test("beside another one adds its members to the same fields", async () => {
      const { app } = newApp();
      app.beforeRequest(rateLimit({ limit: 9, window: 60, name: "all" }));
      app.get("/", { rateLimit: { limit: 1, window: 60, name: "one" } }, () => "in");
      const first = await app.request("/");
      expect(first.headers.get("ratelimit-policy")).toBe('"all";q=9;w=60, "one";q=1;w=60');
      const second = await app.request("/");
      expect(second.status).toBe(429);
      expect(second.headers.get("ratelimit")).toBe('"all";r=7;t=14, "one";r=0;t=60');
    });

    test("holds for const routes", async () => {
      const { app } = newApp();
      app.get("/", { const: true, rateLimit: { limit: 2, window: 60 } }, () => "in");
      expect(await statuses(app, 3)).toEqual([200, 200, 429]);
    });

    test("counts HEAD with the GET that it goes with", async () => {
      const { app } = limited({ limit: 2, window: 60 });
      expect(await statuses(app, 1)).toEqual([200]);
      expect(await statuses(app, 2, "/", { method: "HEAD" })).toEqual([200, 429]);
    });

    test("takes what a request costs, a constant or a function, and nothing for 0", async () => {
      const { app } = newApp();
      const cost = ({ query }: { query: Record<string, unknown> }) => Number(query.n);
      app.get("/", { rateLimit: { limit: 10, window: 60, cost } }, () => "in");
      expect(await statuses(app, 2, "/?n=5")).toEqual([200, 200]);
      expect(await statuses(app, 1, "/?n=1")).toEqual([429]);
      expect(await statuses(app, 1, "/?n=0")).toEqual([200]);
      for (const wrong of ["11", "-1", "0.5", "x"])
        expect(await statuses(app, 1, `/?n=${wrong}`)).toEqual([500]);
    });

    test("passes over what it is told to skip, and shows nothing where it is told so", async () => {
      const { app } = limited({
        limit: 1,
        window: 60,
        headers: false,
        skip: ({ headers }) => headers.has("x-monitor"),
      });
      const response = await app.request("/");
      expect([...response.headers.keys()].filter((it) => it.startsWith("ratelimit"))).toEqual([]);
      expect(await statuses(app, 1)).toEqual([429]);
      expect(await statuses(app, 2, "/", { headers: { "x-monitor": "1" } })).toEqual([200, 200]);
    });

    test("is an error that an exception handler may answer", async () => {
      const { app } = limited({ limit: 1, window: 60 });
      app.exception((error) =>
        error instanceof HttpError && error.status === 429
          ? new Response("slow down", { status: 429, headers: error.headers })
          : undefined,
      );
      await app.request("/");
      const response = await app.request("/");
      expect([await response.text(), response.headers.get("retry-after")]).toEqual([
        "slow down",
        "60",
      ]);
    });

    test("shows what is left in the answers of errors, too, however they are answered", async () => {
      const { app } = newApp();
      const shared = new Response(null, { status: 403 });
      const thrown = [new HttpError(404), new Error("broken"), shared, shared];
      app.get("/thrown/:at", { rateLimit: { limit: 9, window: 9, name: "all" } }, ({ params }) => {
        throw thrown[Number(params.at)]!;
      });
      app.get("/late", { rateLimit: { limit: 9, window: 9, name: "late" } }, async () => {
        await Bun.sleep(1);
        throw new HttpError(409);
      });
      const seen = async (path: string) => {
        const { status, headers } = await app.request(path);
        return [status, headers.get("ratelimit-policy"), headers.get("ratelimit")];
      };
      const policy = '"all";q=9;w=9';
      expect(await seen("/thrown/0")).toEqual([404, policy, '"all";r=8;t=1']);
      expect(await seen("/thrown/1")).toEqual([500, policy, '"all";r=7;t=2']);
      expect(await seen("/thrown/2")).toEqual([403, policy, '"all";r=6;t=3']);
      expect(await seen("/thrown/3")).toEqual([403, policy, '"all";r=5;t=4']);
      expect(await seen("/late")).toEqual([409, '"late";q=9;w=9', '"late";r=8;t=1']);
    });

    test("in two apps counts for each of them", async () => {
      const hook = rateLimit({ limit: 1, window: 60, by: everybody });
      const [one, other] = [newApp().app, newApp().app];
      for (const app of [one, other]) app.beforeRequest(hook).get("/", () => "in");
      expect(await statuses(one, 2)).toEqual([200, 429]);
      expect(await statuses(other, 2)).toEqual([200, 429]);
    });
  });
}

describe("a limited const route", () => {
  test("is never answered past its limit by Bun's own table", async () => {
    const app = quietApp();
    app.get("/", { const: true, rateLimit: { limit: 2, window: 3_600 } }, () => ({ in: true }));
    await using server = await serveApp(app, { accelerator: true });
    const seen: number[] = [];
    for (let index = 0; index < 4; index++) seen.push((await fetch(server.url())).status);
    expect(seen).toEqual([200, 200, 429, 429]);
  });
});

test("a core that shares nothing has nothing to warn of where there is no cluster", async () => {
  const logger = recordingLogger();
  const app = new Robyn({ core: "portable", logger });
  app.get("/", { rateLimit: { limit: 9, window: 60 } }, () => "in");
  await Promise.all([app.request("/"), app.request("/")]);
  expect(logger.records.filter(({ level }) => level === "warn")).toEqual([]);
});
