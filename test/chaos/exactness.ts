/** Four processes, one limit, one set of counters: over HTTP, to the request. */
import { startCluster } from "../support/cluster.ts";
import { sumOf } from "../support/exposition.ts";
import { countedOf, scrape } from "../support/scrape.ts";
import type { Report } from "./report.ts";

const processes = 4;
const limit = 1_000;
const clients = 64;

const source = `import { Robyn } from "robyn";
const app = new Robyn();
const passed = app.counter("passed_total", "Requests that passed.", ["index"]);
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "" }));
// In three days one unit comes back: nothing of what is counted here.
const windows = { limit: 100, window: 31_536_000, burst: ${limit}, name: "all", by: () => "everybody" };
const refused = app.counter("refused_total", "Requests that were refused.", ["index"]);
app.afterRequest("/limited", (response) => {
  if (response.status === 429) refused.inc({ index: String(app.cluster.index) });
});
app.get("/limited", { rateLimit: windows }, () => {
  passed.inc({ index: String(app.cluster.index) });
  return "in";
});
app.metrics("/metrics");
export default app;`;

/** @param requests at least twice the limit. */
export async function exactness(requests: number): Promise<Report> {
  await using cluster = await startCluster(["--processes", `${processes}`], source);
  await cluster.everybody(processes);
  const origin = `http://127.0.0.1:${cluster.port}`;
  const counts = new Map<number, number>();
  let sent = 0;
  const startedAt = performance.now();
  const ask = async () => {
    while (sent < requests) {
      sent++;
      const response = await fetch(`${origin}/limited`);
      await response.arrayBuffer();
      counts.set(response.status, (counts.get(response.status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: clients }, ask));
  const seconds = (performance.now() - startedAt) / 1_000;
  const families = await scrape(origin);
  const passed = counts.get(200) ?? 0;
  const refused = counts.get(429) ?? 0;
  const busy = Array.from({ length: processes }, (_, index) =>
    sumOf(families, "refused_total", { index: `${index}` }),
  ).filter((count) => count > 0).length;
  const facts: [what: string, is: number, must: number][] = [
    ["requests that passed", passed, limit],
    ["requests that were refused", refused, requests - limit],
    ["counted with 200", countedOf(families, "/limited", 200), passed],
    ["counted with 429", countedOf(families, "/limited", 429), refused],
    ["counted in all", countedOf(families, "/limited"), requests],
    [
      "in the histogram",
      sumOf(families, "http_server_request_duration_seconds_count", { route: "/limited" }),
      requests,
    ],
    ["counted by the application", sumOf(families, "passed_total"), passed],
    ["processes that answered", busy, processes],
  ];
  return {
    name: `${requests} requests to ${processes} processes against a limit of ${limit}`,
    failures: facts
      .filter(([, is, must]) => is !== must)
      .map(([what, is, must]) => `${what}: ${is}, not ${must}`),
    figures: {
      ...Object.fromEntries(facts.map(([what, is]) => [what, is])),
      "requests per second": Math.round(requests / seconds),
    },
  };
}
