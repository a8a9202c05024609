/** Metrics of what others keep: the response cache, the limits, health, the seats of a cluster. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { rateLimit } from "robyn";
import { startCluster } from "../support/cluster.ts";
import { cores } from "../support/cores.ts";
import { readExposition, sumOf } from "../support/exposition.ts";
import { processTimeout_ms } from "../support/process.ts";
import { quietApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

describe.each(cores)("on the $name core", ({ name: core }) => {
  const read = async (app: ReturnType<typeof quietApp>) =>
    readExposition(await (await app.request("/metrics")).text(), "prometheus");

  test("the exposition has what the cache counted", async () => {
    const app = quietApp({ core });
    app.get("/kept/:id", { cache: { ttl: 60, tags: ["kept"] } }, ({ params }) => params.id);
    app.metrics("/metrics");
    for (const id of [1, 1, 1, 2]) await app.request(`/kept/${id}`);
    await app.request("/kept/1", { headers: { authorization: "Bearer x" } });
    app.cache.invalidate({ tag: "kept" });
    await app.request("/kept/2");
    const families = await read(app);
    const of = (result: string) => sumOf(families, "robyn_cache_requests_total", { result });
    expect([of("hit"), of("miss"), of("stale"), of("bypassed")]).toEqual([2, 3, 0, 1]);
    expect(sumOf(families, "robyn_cache_stored_total")).toBe(3);
    expect(sumOf(families, "robyn_cache_invalidations_total")).toBe(1);
    expect(sumOf(families, "robyn_cache_used_bytes")).toBeGreaterThan(0);
    expect(sumOf(families, "robyn_cache_capacity_bytes")).toBeGreaterThan(1_000_000);
  });

  test("a cache that nobody uses is not there", async () => {
    const app = quietApp({ core });
    app.metrics("/metrics");
    expect((await read(app)).filter(({ name }) => name.startsWith("robyn_cache"))).toEqual([]);
  });

  test("the exposition has the evictions of the limits", async () => {
    const app = quietApp({ core });
    app.beforeRequest(rateLimit({ limit: 1, window: 86_400, by: ({ path }) => path }));
    app.get("/*rest", () => "x");
    app.metrics("/metrics");
    const evictions = async () => sumOf(await read(app), "robyn_rate_limit_evictions_total");
    expect(await evictions()).toBe(0);
  });

  test("a check of app.health() is 1 while it passes and 0 while it fails", async () => {
    let isOk = true;
    const app = quietApp({ core });
    app.health({ checks: { database: () => isOk, queue: () => true } });
    app.metrics("/metrics");
    const checks = async () => {
      await app.request("/readyz");
      const families = await read(app);
      const of = (check: string) => sumOf(families, "robyn_health_check", { check });
      return [of("database"), of("queue")];
    };
    expect(await checks()).toEqual([1, 1]);
    isOk = false;
    expect(await checks()).toEqual([0, 1]);
    isOk = true;
    expect(await checks()).toEqual([1, 1]);
  });
});

test.skipIf(process.platform !== "linux")(
  "threads and processes of a cluster count in one: requests, restarts, generation",
  async () => {
    await using cluster = await startCluster(
      ["--processes", "2", "--workers", "2", "--cache-size", "2m"],
      `import { Robyn } from "robyn";
       const app = new Robyn();
       app.get("/who", () => ({ pid: process.pid, ...app.cluster }));
       app.get("/kept", { cache: 60 }, () => "kept");
       app.metrics("/metrics");
       export default app;`,
    );
    const read = async () => {
      const response = await fetch(cluster.url("/metrics"), { keepalive: false });
      return readExposition(await response.text(), "prometheus");
    };
    const everybody = await cluster.everybody(4);
    expect(everybody).toHaveLength(4);
    const before = sumOf(await read(), "http_server_requests_total", { route: "/who" });
    let asked = 0;
    const seen = new Set<number>();
    while (asked < 40 || seen.size < 4) {
      seen.add((await cluster.who()).index);
      asked++;
    }
    const families = await read();
    expect(sumOf(families, "http_server_requests_total", { route: "/who" })).toBe(before + asked);
    expect(sumOf(families, "robyn_listeners_expected")).toBe(4);
    expect(sumOf(families, "robyn_listeners_serving")).toBe(4);
    expect(sumOf(families, "robyn_listeners_started_total")).toBe(4);
    expect(sumOf(families, "robyn_cache_capacity_bytes")).toBeLessThanOrEqual(2 * 1_048_576);
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 1: done/, "stderr");
    await until("the new ones alone", async () => sumOf(await read(), "robyn_listeners") === 4);
    const after = await read();
    expect(sumOf(after, "robyn_generation")).toBe(1);
    expect(sumOf(after, "robyn_listeners_serving")).toBe(4);
    expect(sumOf(after, "robyn_listeners_started_total")).toBe(8);
    expect(sumOf(after, "http_server_requests_total", { route: "/who" })).toBe(before + asked);
  },
);
