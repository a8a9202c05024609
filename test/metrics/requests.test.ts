import { describe, expect, test } from "bun:test";
import { HttpError, type Robyn } from "../../src/index.ts";
import { cores } from "../support/cores.ts";
import { type Family, readExposition, sumOf } from "../support/exposition.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const total = "http_server_requests_total";
const count = "http_server_request_duration_seconds_count";

async function read(from: Robyn | string): Promise<Family[]> {
  const response =
    typeof from === "string" ? await fetch(`${from}/metrics`) : await from.request("/metrics");
  return readExposition(await response.text(), "prometheus");
}

describe.each(cores)("on the $name core", ({ name: core }) => {
  test("every answer counts once, under its pattern, method and status", async () => {
    const app = quietApp({ core });
    app.get("/users/:id", ({ params }) => params.id);
    app.get("/fails", () => {
      throw new HttpError(503);
    });
    app.get("/breaks", async () => {
      throw new Error("broken");
    });
    app.post("/users/:id", ({ status }) => status(201, {}));
    app.addRoute("PROPFIND", "/users/:id", {}, () => "props");
    app.metrics("/metrics");
    for (const path of ["/users/1", "/users/2", "/users/2?x=1", "/users/3/", "/fails", "/breaks"])
      await app.request(path);
    await app.request("/users/1", { method: "HEAD" });
    await app.request("/users/1", { method: "POST", body: "x" });
    await app.request("/users/1", { method: "PROPFIND" });
    await app.request("/users/1", { method: "DELETE" });
    await app.request("/users/1", { method: "OPTIONS" });
    await app.request("/users/1", { method: "MKCOL" });
    for (const path of ["/nowhere", "/nowhere/else", "/users/%zz"]) await app.request(path);
    const families = await read(app);
    const counted = families
      .find(({ name }) => name === total)
      ?.samples.map(
        ({ labels, value }) => `${labels.method} ${labels.route} ${labels.status} ${value}`,
      );
    expect(counted?.toSorted()).toEqual([
      "DELETE <no route> 405 1",
      "GET /breaks 500 1",
      "GET /fails 503 1",
      "GET /users/:id 200 4",
      "GET <no route> 400 1",
      "GET <no route> 404 2",
      "HEAD /users/:id 200 1",
      "OPTIONS <no route> 204 1",
      "POST /users/:id 201 1",
      "PROPFIND /users/:id 200 1",
      "_OTHER <no route> 501 1",
    ]);
    expect(sumOf(families, count)).toBe(sumOf(families, total));
    expect(sumOf(families, count, { method: "HEAD", route: "/users/:id" })).toBe(1);
  });

  test("an answer to HEAD has the type that GET has", async () => {
    const app = quietApp({ core });
    app.get("/text", () => "plain");
    app.metrics("/metrics");
    await using served = await serveApp(app);
    const types = ["GET", "HEAD"].map(async (method) => {
      const response = await fetch(served.url("/text"), { method });
      return response.headers.get("content-type");
    });
    expect(await Promise.all(types)).toEqual([
      "text/plain;charset=utf-8",
      "text/plain;charset=utf-8",
    ]);
  });

  test("durations are those of the clock on the wall", async () => {
    const app = quietApp({ core });
    let waited = 0;
    app.get("/waits", async () => {
      const start = performance.now();
      await Bun.sleep(30);
      waited += (performance.now() - start) / 1_000;
      return "done";
    });
    app.metrics("/metrics");
    const start = performance.now();
    for (let round = 0; round < 5; round++) await app.request("/waits");
    const all = (performance.now() - start) / 1_000;
    const sum = sumOf(await read(app), "http_server_request_duration_seconds_sum", {
      route: "/waits",
    });
    // The processor's counter was compared for a millisecond only: 0.1 % either way.
    expect(sum).toBeGreaterThan(waited * 0.998);
    expect(sum).toBeLessThan(all * 1.002);
  });
});

test("ten thousand requests over sockets are ten thousand counted, const routes too", async () => {
  const app = quietApp();
  app.get("/const", { const: true }, () => ({ healthy: true }));
  app.get("/users/:id", ({ params }) => params.id);
  app.metrics("/metrics");
  await using server = await serveApp(app);
  for (let round = 0; round < 100; round++) {
    const paths = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? "/const" : `/users/${n}`));
    await Promise.all(paths.map(async (path) => (await fetch(server.url(path))).text()));
  }
  const families = await read(server.url(""));
  expect(sumOf(families, total, { route: "/const" })).toBe(5_000);
  expect(sumOf(families, total, { route: "/users/:id" })).toBe(5_000);
  expect(sumOf(families, count)).toBe(10_000);
});

test("requests that wait are in flight, and no longer when they are answered", async () => {
  const app = quietApp();
  const { promise, resolve } = Promise.withResolvers<string>();
  app.get("/waits", () => promise);
  app.metrics("/metrics");
  await using server = await serveApp(app);
  const waiting = [1, 2, 3].map(async () => (await fetch(server.url("/waits"))).text());
  const inFlight = async () => sumOf(await read(server.url("")), "http_server_active_requests");
  await until("three requests in flight", async () => (await inFlight()) === 3);
  resolve("done");
  await Promise.all(waiting);
  expect(await inFlight()).toBe(0);
});

test("bytes of request bodies are counted, those of answers where that was asked for", async () => {
  const app = quietApp();
  app.post(
    "/upload",
    async ({ text }) =>
      new Response("ok!", {
        headers: { "content-length": "3", "x-read": String((await text()).length) },
      }),
  );
  app.metrics("/metrics", { responseBytes: true });
  await using server = await serveApp(app);
  for (const body of ["12345", "€"])
    await (await fetch(server.url("/upload"), { method: "POST", body })).text();
  const families = await read(server.url(""));
  expect(sumOf(families, "http_server_request_body_bytes_total", { route: "/upload" })).toBe(8);
  expect(sumOf(families, "http_server_response_body_bytes_total", { route: "/upload" })).toBe(6);
});

test("the process, its event loop and its versions are there", async () => {
  const app = quietApp();
  app.metrics("/metrics");
  await using server = await serveApp(app);
  const families = await until("a timer that was late or not", async () => {
    const found = await read(server.url(""));
    return sumOf(found, "robyn_event_loop_lag_seconds_count") > 0 && found;
  });
  expect(sumOf(families, "process_resident_memory_bytes")).toBeGreaterThan(1e7);
  expect(sumOf(families, "robyn_heap_used_bytes")).toBeGreaterThan(1e5);
  expect(Math.abs(sumOf(families, "process_start_time_seconds") - Date.now() / 1_000)).toBeLessThan(
    3_600,
  );
  expect(sumOf(families, "robyn_build_info", { bun: Bun.version })).toBe(1);
  expect(sumOf(families, "robyn_listeners")).toBe(1);
  expect(sumOf(families, "robyn_listeners_started_total")).toBe(1);
});

test("a hook of the route guards it", async () => {
  const app = quietApp();
  app.metrics("/metrics", {
    beforeRequest({ headers }) {
      if (headers.get("authorization") !== "Bearer right") throw new HttpError(401);
    },
  });
  expect((await app.request("/metrics")).status).toBe(401);
  const headers = { authorization: "Bearer right" };
  expect((await app.request("/metrics", { headers })).status).toBe(200);
});

test("10,000 routes in use are 10,000 series, and read in one piece", async () => {
  const app = quietApp({ core: "zig" });
  for (let n = 0; n < 10_000; n++) app.get(`/route${n}/:id`, ({ params }) => params.id);
  app.metrics("/metrics", { range: [2 ** -10, 1] });
  for (let n = 0; n < 10_000; n++) await app.request(`/route${n}/x`);
  const families = await read(app);
  expect(families.find(({ name }) => name === total)?.samples.length).toBe(10_000);
  expect(sumOf(families, total)).toBe(10_000);
  expect(sumOf(families, count)).toBe(10_000);
}, 30_000);
