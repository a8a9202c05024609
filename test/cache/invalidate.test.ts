/** Ends of answers: invalidation, time, and what is served while another is made. */
import { describe, expect, test } from "bun:test";
import { type CachePolicy, type Invalidation, type Robyn } from "robyn";
import { hasZigCore } from "../support/native.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const cores = hasZigCore ? (["zig", "portable"] as const) : (["portable"] as const);

async function text(app: Robyn, target: string): Promise<string> {
  return (await app.request(target)).text();
}

describe.each(cores)("with the %s core", (core) => {
  function users(): Robyn {
    let runs = 0;
    const app = quietApp({ core });
    const tags: CachePolicy["tags"] = ({ params }) => ["users", `user:${params.id}`];
    app.get("/users/:id", { cache: { ttl: 60, tags } }, ({ params }) => `${params.id} ${++runs}`);
    app.get("/teams", { cache: { ttl: 60, tags: ["teams"] } }, () => `teams ${++runs}`);
    return app;
  }
  const targets = ["/users/1", "/users/1?full=1", "/users/2", "/teams"];

  const cases: [what: Invalidation, ended: string[]][] = [
    [{ tag: "users" }, ["/users/1", "/users/1?full=1", "/users/2"]],
    [{ tag: "user:1" }, ["/users/1", "/users/1?full=1"]],
    [{ tag: ["user:2", "teams"] }, ["/users/2", "/teams"]],
    [{ tag: "nobody" }, []],
    [{ path: "/users/1" }, ["/users/1", "/users/1?full=1"]],
    [{ path: "/users/%31/" }, ["/users/1", "/users/1?full=1"]],
    [{ all: true }, targets],
  ];
  test.each(cases)("%o ends what it names, and nothing else", async (what, ended) => {
    const app = users();
    const before = new Map<string, string>();
    // Twice: the second time it comes from the store, and the third from the first level.
    for (let round = 0; round < 3; round++)
      for (const target of targets) before.set(target, await text(app, target));
    app.cache.invalidate(what);
    for (const target of targets) {
      const isNew = (await text(app, target)) !== before.get(target);
      expect([target, isNew]).toEqual([target, ended.includes(target)]);
    }
    expect(app.cache.stats()).toMatchObject({ invalidations: 1 });
  });

  /** A handler whose first run is under way when its answers are invalidated; each run waits for its gate. */
  async function invalidatedWhileRunning() {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let runs = 0;
    const app = quietApp({ core });
    app.get("/", { cache: { ttl: 60, tags: ["a"] } }, async () => {
      const run = runs++;
      await gates[run]?.promise;
      return `run ${run}`;
    });
    const ran = (times: number) => until(`run ${times} of the handler`, () => runs === times);
    const first = text(app, "/");
    await ran(1);
    app.cache.invalidate({ tag: "a" });
    return { app, gates, first, ran };
  }

  test("a computation that was under way is not kept", async () => {
    const { app, gates, first } = await invalidatedWhileRunning();
    gates[0]!.resolve();
    expect(await first).toBe("run 0");
    gates[1]!.resolve();
    expect(await text(app, "/")).toBe("run 1");
    expect(await text(app, "/")).toBe("run 1");
  });

  test("who comes after an invalidation does not get what was being computed before it", async () => {
    const { app, gates, first, ran } = await invalidatedWhileRunning();
    const later = Array.from({ length: 5 }, () => text(app, "/"));
    gates[0]!.resolve();
    expect(await first).toBe("run 0");
    await ran(2);
    gates[1]!.resolve();
    expect(await Promise.all(later)).toEqual(Array(5).fill("run 1"));
    await ran(2);
  });

  test("an answer ends when its time is over", async () => {
    let runs = 0;
    const app = quietApp({ core });
    app.get("/", { cache: 0.05 }, () => String(++runs));
    expect(await text(app, "/")).toBe("1");
    await until("the end of its time", async () => (await text(app, "/")) !== "1");
    expect(runs).toBe(2);
  });

  test("a stale answer is served at once, and one request makes another", async () => {
    let gate = Promise.resolve();
    let runs = 0;
    const seen: (string | null)[] = [];
    const app = quietApp({ core });
    app.get("/", { cache: { ttl: 0.05, staleWhileRevalidate: 60 } }, async ({ request, state }) => {
      runs++;
      seen.push(`${request.headers.get("x-name")} ${String(state.user)}`);
      await gate;
      return String(runs);
    });
    app.beforeRequest(({ state }) => void (state.user = "anna"));
    const ask = async () => {
      const response = await app.request("/", { headers: { "x-name": "n" } });
      return { text: await response.text(), origin: response.headers.get("cache-status") };
    };
    expect(await ask()).toMatchObject({ text: "1" });
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    await until("the answer to be stale", async () => (await ask()) && runs === 2);
    for (let round = 0; round < 5; round++) expect((await ask()).text).toBe("1");
    expect((await ask()).origin).toMatch(/^robyn; hit; ttl=-?0$/);
    expect(runs).toBe(2);
    resolve();
    await until("the new answer", async () => Number((await ask()).text) >= 2);
    expect(seen.slice(0, 2)).toEqual(["n anna", "n anna"]);
    expect(app.cache.stats()!.stale).toBeGreaterThan(5);
  });

  test("a renewal that fails is logged, and the stale answer goes on", async () => {
    let runs = 0;
    const logger = recordingLogger();
    const app = quietApp({ core, logger });
    app.get("/", { cache: { ttl: 0.02, staleWhileRevalidate: 60 } }, () => {
      if (++runs > 1) throw new Error("on purpose");
      return "first";
    });
    expect(await text(app, "/")).toBe("first");
    await until("a renewal", async () => (await text(app, "/")) === "first" && runs > 1);
    expect(await text(app, "/")).toBe("first");
    await until("the log", () => logger.errors().includes("on purpose"));
  });
});

test("what is no invalidation is refused", () => {
  const app = quietApp();
  const bad: unknown[] = [
    undefined,
    {},
    { all: false },
    { tag: 7 },
    { tag: [] },
    { path: "users" },
  ];
  bad.push({ path: "/a?b" }, { tags: ["a"] }, { tag: "a", path: "/a" }, "users");
  for (const what of bad) {
    // @ts-expect-error none of them has the type either
    expect(() => app.cache.invalidate(what)).toThrow("ROBYN_OPTION_INVALID");
  }
});
