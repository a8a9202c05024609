import { describe, expect, test } from "bun:test";
import { cores } from "../support/cores.ts";
import { readExposition, sumOf } from "../support/exposition.ts";
import { quietApp } from "../support/serve.ts";

const openMetrics =
  "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const hostile = 'a\\b"c\nd{e="f"},é\u{1F600}';

describe.each(cores)("on the $name core", ({ name: core }) => {
  async function scraped(accept: string, query = "") {
    const app = quietApp({ core });
    const counter = app.counter("things_total", 'Things "counted"\nwith a \\.', ["what", "other"]);
    const gauge = app.gauge("depth_meters", "Depth.");
    const histogram = app.histogram("size_bytes", "Sizes.", ["kind"], { range: [1, 1_024] });
    app.get("/users/:id", ({ params }) => params.id);
    app.metrics("/metrics");
    counter.inc({ what: hostile, other: "" }, 2.5);
    gauge.set(-1.5e-9);
    for (const value of [0, 1, 1.5, 4, 5_000]) histogram.observe({ kind: "x" }, value);
    await app.request("/users/7");
    const response = await app.request(`/metrics${query}`, { headers: { accept } });
    return { type: response.headers.get("content-type"), text: await response.text() };
  }

  test("the answer is Prometheus text 0.0.4 that a strict reader takes", async () => {
    const { type, text } = await scraped("text/plain");
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    const families = readExposition(text, "prometheus");
    const things = families.find(({ name }) => name === "things_total");
    expect(things).toMatchObject({ type: "counter", help: 'Things "counted"\nwith a \\.' });
    expect(things?.samples).toEqual([
      { name: "things_total", labels: { what: hostile, other: "" }, value: 2.5 },
    ]);
    expect(sumOf(families, "depth_meters")).toBe(-1.5e-9);
    expect(
      sumOf(families, "http_server_requests_total", { route: "/users/:id", status: "200" }),
    ).toBe(1);
  });

  test("the answer is OpenMetrics 1.0.0 for who asks for it", async () => {
    const { type, text } = await scraped(openMetrics);
    expect(type).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    const families = readExposition(text, "openmetrics");
    const things = families.find(({ name }) => name === "things");
    expect(things).toMatchObject({ type: "counter", help: 'Things "counted"\nwith a \\.' });
    expect(things?.samples[0]?.name).toBe("things_total");
    expect(families.find(({ name }) => name === "depth_meters")?.unit).toBe("meters");
    expect(families.find(({ name }) => name === "http_server_request_duration_seconds")?.unit).toBe(
      "seconds",
    );
  });

  test("le is exact: a value at the end of a bucket is in it", async () => {
    const families = readExposition((await scraped("text/plain")).text, "prometheus");
    const upTo = (le: string) => sumOf(families, "size_bytes_bucket", { kind: "x", le });
    expect(upTo("1.0")).toBe(2);
    expect(upTo("2.0")).toBe(3);
    expect(upTo("4.0")).toBe(4);
    expect(upTo("1024.0")).toBe(4);
    expect(upTo("+Inf")).toBe(5);
    expect(sumOf(families, "size_bytes_sum")).toBe(5_006.5);
  });

  test("in full resolution every step that has values is there, and the sums are the same", async () => {
    const families = readExposition(
      (await scraped("text/plain", "?resolution=full")).text,
      "prometheus",
    );
    const ends = families
      .find(({ name }) => name === "size_bytes")
      ?.samples.flatMap(({ labels: { le } }) => le ?? []);
    expect(ends).toEqual(["1.0", "1.5", "4.0", "5120.0", "+Inf"]);
    expect(sumOf(families, "size_bytes_count")).toBe(5);
  });
});

test.each([
  ["no header", "", "text/plain"],
  ["anything", "*/*", "text/plain"],
  ["OpenMetrics of a version to come", "application/openmetrics-text;version=2.0.0", "text/plain"],
  ["OpenMetrics not wanted", "application/openmetrics-text;q=0, text/plain", "text/plain"],
  [
    "OpenMetrics less than text",
    "application/openmetrics-text;q=0.3, text/plain;q=0.9",
    "text/plain",
  ],
  ["OpenMetrics alone", "application/openmetrics-text", "application/openmetrics-text"],
  ["nonsense", ";;,q=,=;version=;q=x,\u0001", "text/plain"],
])("%s is answered with a format that was asked for", async (_, accept, type) => {
  const app = quietApp();
  app.metrics("/metrics");
  const response = await app.request(
    new Request("http://localhost/metrics", {
      headers: accept.startsWith(";") ? { accept: ";;,q=,=;version=;q=x" } : { accept },
    }),
  );
  expect(response.headers.get("content-type")).toStartWith(`${type};`);
  expect(response.headers.get("vary")).toBe("accept");
});
