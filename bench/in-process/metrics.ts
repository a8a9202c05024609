/**
 * Nanoseconds per recorded request: `bun metrics.ts <routes>` prints the best loop of many, both looks at the clock included.
 */
import { createLogger } from "../../src/logger.ts";
import { MetricRegistry } from "../../src/metrics/registry.ts";
import { RequestMeters } from "../../src/metrics/requests.ts";
import { loadCore } from "../../src/native/load.ts";

const [, , count = "1000", milliseconds = "1500"] = process.argv;
const routes = Array.from({ length: Number(count) }, (_, n) => ({ method: "GET", path: `/${n}` }));
const logger = createLogger("error");
const segment = loadCore("zig", logger).openSegment({ descriptor: undefined, slot: 0 });
const registry = new MetricRegistry(
  () => segment,
  () => logger,
);
const meters = new RequestMeters(registry, routes, {});
const { ticks } = meters;
const requests = 100_000;

let rounds = 0;
let best = Number.POSITIVE_INFINITY;
const deadline = performance.now() + Number(milliseconds);
while (performance.now() < deadline) {
  const begin = Bun.nanoseconds();
  recordAll();
  rounds++;
  best = Math.min(best, (Bun.nanoseconds() - begin) / requests);
}
// Part 0 of a counter is its count; of a histogram, the sum of its times, which are no whole numbers.
const counts = registry.store.read().totals.filter(({ part }) => part > 0 && part < 256);
const counted = counts.reduce((sum, { cells }) => sum + cells.reduce((all, cell) => all + cell), 0);
const first = registry.store.read().totals.filter(({ part, cells }) => part === 0 && cells[1]! > 0);
const below = first.reduce((sum, { cells }) => sum + cells[1]!, 0);
if (counted + below !== rounds * requests) throw new Error(`${counted} of ${rounds * requests}`);
console.log(JSON.stringify(best));

function recordAll(): void {
  for (let n = 0; n < requests; n++) meters.record((n * 7_919) % routes.length, 200, ticks());
}
