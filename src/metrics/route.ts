/** `app.metrics(path)`: the route that answers a scrape for the whole cluster. */
import type { Query } from "../request/query.ts";
import type { AnyState, BeforeHook } from "../routing/route.ts";
import { contentTypes, expose, formatOf } from "./exposition.ts";
import { checkOptions, type HistogramOptions, type MetricRegistry } from "./registry.ts";
import { SeriesTexts, takeSnapshot } from "./snapshot.ts";

/** How request durations are shown. */
export type BucketOptions = Pick<HistogramOptions, "range" | "bucketsPerOctave">;

export interface MetricsOptions<State extends object = AnyState> extends BucketOptions {
  /** Hooks of the route alone, for instance one that asks for a token. */
  beforeRequest?: BeforeHook<State> | readonly BeforeHook<State>[];
}

/** @throws RobynError ROBYN_METRIC_INVALID */
export function checkMetricsOptions(options: object): void {
  checkOptions("app.metrics()", options, ["range", "bucketsPerOctave", "beforeRequest"]);
}

/** @param sample brings what this listener says of itself up to date. */
export function metricsHandler(
  registry: () => MetricRegistry,
  sample: () => void,
): (asked: { request: Request; query: Query }) => Response {
  const texts = new SeriesTexts();
  return ({ request, query }) => {
    sample();
    const format = formatOf(request.headers.get("accept"));
    const full = query.resolution === "full";
    const text = expose(takeSnapshot(registry(), texts), format, full);
    return new Response(text, {
      headers: {
        "content-type": contentTypes[format],
        "cache-control": "no-store",
        vary: "accept",
      },
    });
  };
}
