import { expect, setDefaultTimeout, test } from "bun:test";
import { parseSamples } from "../../src/cli/top/scrape.ts";
import { toLine, toScreen, viewOf } from "../../src/cli/top/view.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";

setDefaultTimeout(processTimeout_ms);

test("top shows what happened between two looks, the busiest route first", async () => {
  const app = quietApp();
  app.get("/fast", () => "x");
  app.get("/slow", async () => {
    await Bun.sleep(20);
    return "x";
  });
  app.get("/fails", ({ status }) => status(500, "x"));
  app.metrics("/metrics");
  const look = async (at: number) => {
    const response = await app.request("/metrics?resolution=full");
    return { at, samples: parseSamples(await response.text()) };
  };
  for (let n = 0; n < 50; n++) await app.request("/fast");
  const before = await look(0);
  for (let n = 0; n < 20; n++) await app.request("/fast");
  for (let n = 0; n < 4; n++) await app.request("/slow");
  for (let n = 0; n < 6; n++) await app.request("/fails");
  const view = viewOf(before, await look(2_000));
  expect(
    view.routes.map(({ method, route, rate, failing }) => ({ method, route, rate, failing })),
  ).toEqual([
    { method: "GET", route: "/fast", rate: 10, failing: 0 },
    { method: "GET", route: "/fails", rate: 3, failing: 3 },
    { method: "GET", route: "/slow", rate: 2, failing: 0 },
    { method: "GET", route: "/metrics", rate: 0.5, failing: 0 },
  ]);
  const slow = view.routes.find(({ route }) => route === "/slow")!;
  expect(slow.p50).toBeGreaterThan(0.018);
  expect(slow.p99).toBeGreaterThanOrEqual(slow.p50);
  expect(view).toMatchObject({ rate: 15.5, failing: 3, inFlight: 0, listeners: 1 });
  expect(toLine(view)).toStartWith("15.5 requests/s  3.0 failing/s  0 in flight  1 listeners");
  const screen = toScreen("http://x/metrics", view, 8).split("\n");
  expect(screen[5]).toContain("GET /fast");
  expect(screen.length).toBeLessThanOrEqual(8);
});

test("names from a server do not reach the terminal as control characters", () => {
  const samples = parseSamples(
    'http_server_requests_total{method="GET",route="/\u001b[2J\\n",status="200"} 4\n',
  );
  const view = viewOf({ at: 0, samples: [] }, { at: 1_000, samples });
  expect(view.routes[0]?.rate).toBe(4);
  expect(toScreen("x", view, 24)).not.toContain("\u001b");
  expect(toLine(view)).not.toContain("\u001b");
});

test("into a pipe, one line for each look", async () => {
  const app = quietApp();
  app.metrics("/metrics");
  await using server = await serveApp(app);
  await using child = robyn([
    "top",
    `127.0.0.1:${server.port}`,
    "--interval",
    "0.1",
    "--count",
    "2",
  ]);
  const { code, stdout } = await child.ended();
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toEqual([
    expect.stringMatching(/requests\/s .* listeners .* MB .* GET \/metrics p50/),
    expect.stringMatching(/requests\/s/),
  ]);
});

test.each([
  ["nobody listens", "127.0.0.1:1", /cannot be reached/],
  ["no URL", "http://", /no URL/],
])("where %s, it says so and ends with 1", async (_, url, why) => {
  await using child = robyn(["top", url]);
  const { code, stderr } = await child.ended();
  expect(code).toBe(1);
  expect(stderr).toMatch(why);
  expect(stderr).toContain("ROBYN_METRICS_UNREACHABLE");
});

test("an answer that is no metrics is told from metrics", async () => {
  const app = quietApp();
  app.get("/page", () => "hello");
  await using server = await serveApp(app);
  await using child = robyn(["top", server.url("/page")]);
  expect((await child.ended()).stderr).toMatch(/answered 200 text\/plain.*not metrics/);
});
