import { describe, expect, test } from "bun:test";
import type { Robyn } from "../../src/index.ts";
import { ApplicationMetrics } from "../../src/metrics/application.ts";
import { loadCore } from "../../src/native/load.ts";
import { cores } from "../support/cores.ts";
import { readExposition, sumOf } from "../support/exposition.ts";
import { silentLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";

async function read(app: Robyn) {
  return readExposition(await (await app.request("/metrics")).text(), "prometheus");
}

describe.each(cores)("on the $name core", ({ name: core }) => {
  test("counters, gauges and histograms count from the first call on, also before the start", async () => {
    const app = quietApp({ core });
    const plain = app.counter("plain_total", "Plain.");
    const labelled = app.counter("labelled_total", "Labelled.", ["a", "b"]);
    const gauge = app.gauge("level", "Level.", ["tank"]);
    plain.inc();
    plain.inc(4);
    labelled.inc({ a: 1, b: true });
    labelled.inc({ b: true, a: 1 }, 2);
    labelled.with({ a: "1", b: "true" }).inc();
    gauge.set({ tank: "x" }, 10);
    gauge.inc({ tank: "x" });
    gauge.dec({ tank: "x" }, 3);
    app.metrics("/metrics");
    const families = await read(app);
    expect(sumOf(families, "plain_total")).toBe(5);
    expect(sumOf(families, "labelled_total", { a: "1", b: "true" })).toBe(4);
    expect(sumOf(families, "level", { tank: "x" })).toBe(8);
  });

  test("series beyond the limit count in one more, with one warning, and the known ones go on", async () => {
    const warnings: string[] = [];
    const none = () => {};
    const logger = {
      debug: none,
      info: none,
      error: none,
      warn: (text: string) => warnings.push(text),
    };
    const app = quietApp({ core, logger });
    const counter = app.counter("users_total", "Users.", ["user"], { limit: 3 });
    for (let user = 0; user < 100; user++) counter.inc({ user });
    counter.inc({ user: 1 }, 10);
    app.metrics("/metrics");
    const families = await read(app);
    expect(families.find(({ name }) => name === "users_total")?.samples.length).toBe(4);
    expect(sumOf(families, "users_total", { user: "<overflow>" })).toBe(97);
    expect(sumOf(families, "users_total", { user: "1" })).toBe(11);
    expect(sumOf(families, "users_total")).toBe(110);
    expect(warnings).toEqual([expect.stringContaining("users_total has more than 3 series")]);
  });

  test("a label value that is too long is cut, and one that no text has space for counts as overflow", async () => {
    const app = quietApp({ core });
    const counter = app.counter("long_total", "Long.", ["a", "b", "c", "d"]);
    counter.inc({ a: "x".repeat(5_000), b: "", c: "", d: "\ud800" });
    const wide = "€".repeat(1_024);
    counter.inc({ a: wide, b: wide, c: wide, d: wide });
    app.metrics("/metrics");
    const families = await read(app);
    expect(sumOf(families, "long_total", { a: "x".repeat(1_024), d: "\ufffd" })).toBe(1);
    expect(sumOf(families, "long_total", { a: "<overflow>" })).toBe(1);
  });
});

test("numbers that others keep for the whole cluster are asked for at each scrape", async () => {
  const segment = loadCore("auto", silentLogger).openSegment({ descriptor: undefined, slot: 0 });
  const metrics = new ApplicationMetrics(
    () => segment,
    () => silentLogger,
  );
  let hits = 0;
  metrics.registry.collectors.push(() => [
    {
      kind: "counter",
      name: "cache_hits_total",
      help: "Hits.",
      labels: { tier: "a" },
      value: ++hits,
    },
    { kind: "counter", name: "cache_hits_total", help: "Hits.", labels: { tier: "b" }, value: 0 },
    { kind: "gauge", name: "cache_bytes", help: "Bytes.", value: 7 },
  ]);
  const scrape = metrics.expose({});
  const ask = async () =>
    readExposition(
      await scrape({ request: new Request("http://localhost/metrics"), query: {} }).text(),
      "prometheus",
    );
  expect(sumOf(await ask(), "cache_hits_total", { tier: "a" })).toBe(1);
  const families = await ask();
  expect(sumOf(families, "cache_hits_total", { tier: "a" })).toBe(2);
  expect(families.find(({ name }) => name === "cache_hits_total")?.samples.length).toBe(2);
  expect(sumOf(families, "cache_bytes")).toBe(7);
});

describe("what cannot be meant is refused", () => {
  const refused: [what: string, define: (app: Robyn) => unknown, why: RegExp][] = [
    ["a counter without _total", (app) => app.counter("orders", "x"), /orders_total/],
    ["a name of other characters", (app) => app.gauge("Depth-m", "x"), /snake_case/],
    ["a suffix with a meaning", (app) => app.gauge("x_count", "x"), /_count/],
    ["no help", (app) => app.counter("x_total", " "), /help/],
    ["the label le", (app) => app.histogram("x_seconds", "x", ["le"]), /le/],
    ["a label of the scraper", (app) => app.counter("x_total", "x", ["__name__"]), /__name__/],
    ["a label twice", (app) => app.counter("x_total", "x", ["a", "a"]), /each once/],
    ["a limit that is none", (app) => app.counter("x_total", "x", [], { limit: -1 }), /limit/],
    ["a range upside down", (app) => app.histogram("x", "x", [], { range: [2, 1] }), /range/],
    [
      "steps that are not on the grid",
      (app) => app.histogram("x", "x", [], { bucketsPerOctave: 3 }),
      /1, 2, 4 or 8/,
    ],
    [
      "an unknown option",
      (app) => app.counter("x_total", "x", [], { limits: 1 } as object),
      /"limits"/,
    ],
    [
      "an unknown option of the route",
      (app) => app.metrics("/m", { secret: 1 } as object),
      /"secret"/,
    ],
    ["a second /metrics", (app) => app.metrics("/a").metrics("/b"), /twice/],
    ["a second definition", (app) => [app.gauge("x", "x"), app.gauge("x", "x")], /twice/],
    ["a step down", (app) => app.counter("x_total", "x").inc(-1), /gauge/],
    ["a step of NaN", (app) => app.counter("x_total", "x").inc(NaN), /NaN/],
    ["a value that is no number", (app) => app.histogram("x", "x").observe(NaN), /NaN/],
    [
      "a missing label",
      (app) => app.counter("x_total", "x", ["a"]).inc({} as { a: string }),
      /labels a/,
    ],
    [
      "an unknown label",
      (app) => app.counter("x_total", "x", ["a"]).inc({ a: 1, b: 2 } as { a: number }),
      /a, b/,
    ],
  ];
  test.each(refused)("%s", (_, define, why) => {
    expect(() => define(quietApp())).toThrow(why);
    try {
      define(quietApp());
    } catch (error) {
      expect(error).toMatchObject({ code: "ROBYN_METRIC_INVALID" });
    }
  });
});
