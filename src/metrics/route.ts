/** `app.metrics(path)`: the route that answers a scrape for the whole cluster. */
import type { Nothing } from "../injection/types.ts";
import type { Query } from "../request/query.ts";
import type { AnyState, BeforeHook } from "../routing/route.ts";
import { contentTypes, expose, formatOf } from "./exposition.ts";
import { checkOptions, type HistogramOptions, type MetricRegistry } from "./registry.ts";
import { SeriesTexts, takeSnapshot } from "./snapshot.ts";

/** What is measured, and how it is shown. */
export interface MeasureOptions extends Pick<HistogramOptions, "range" | "bucketsPerOctave"> {
  /**
   * Counts the bytes of answers that have a Content-Length header: files, and what sets it. It looks at the headers of
   * every answer, which costs more than all other metrics together. Default false.
   */
  responseBytes?: boolean;
}

export interface MetricsOptions<
  State extends object = AnyState,
  Injected extends object = Nothing,
> extends MeasureOptions {
  /** Hooks of the route alone, for instance one that asks for a token. */
  beforeRequest?: BeforeHook<State, Injected> | readonly BeforeHook<State, Injected>[];
}

/** @throws RobynError ROBYN_METRIC_INVALID */
export function checkMetricsOptions(options: object): void {
  checkOptions("app.metrics()", options, ["range", "bucketsPerOctave", "responseBytes"]);
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
