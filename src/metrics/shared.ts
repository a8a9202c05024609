/** Numbers that others keep for the whole cluster: the response cache, the rate limits, the seats of the listeners. */
import type { CacheTotals, Segment } from "../native/core.ts";
import type { Collected } from "./registry.ts";

export interface SharedNumbers {
  readonly segment: () => Segment;
  /** Undefined where no route keeps answers. */
  readonly cache: () => CacheTotals | undefined;
  /** Listeners that the cluster is meant to have. */
  readonly listeners: number;
}

export function* collectShared({ segment, cache, listeners }: SharedNumbers): Generator<Collected> {
  yield {
    kind: "gauge",
    name: "robyn_listeners_expected",
    help: "Listeners that there should be: processes times workers.",
    value: listeners,
  };
  yield {
    kind: "counter",
    name: "robyn_rate_limit_evictions_total",
    help: "Clients that the full table of the rate limits forgot, so that they began anew.",
    value: segment().rateLimits.evictions,
  };
  const totals = cache();
  if (totals !== undefined) yield* collectCache(totals);
}

function* collectCache(totals: CacheTotals): Generator<Collected> {
  const { hits, stale, misses, bypassed, waited } = totals;
  for (const [result, value] of Object.entries({ hit: hits, stale, miss: misses, bypassed })) {
    yield {
      kind: "counter",
      name: "robyn_cache_requests_total",
      help: "Requests to routes that keep answers, by what the cache had for them.",
      labels: { result },
      value,
    };
  }
  yield counter("collapsed", "Misses that were answered by what another request computed.", waited);
  yield counter(
    "fetched",
    "Misses that were answered by what another cluster computed.",
    totals.fetched,
  );
  yield counter("stored", "Answers stored.", totals.stored);
  yield counter("refused", "Answers that could not be stored.", totals.refused);
  yield counter("invalidations", "Calls of cache.invalidate().", totals.invalidations);
  yield counter("evictions", "Answers given up for others, memory being full.", totals.evictions);
  yield gauge("used", "Memory of the answers that are kept.", totals.bytes);
  yield gauge("capacity", "Memory for them.", totals.capacity);
}

function counter(what: string, help: string, value: number): Collected {
  return { kind: "counter", name: `robyn_cache_${what}_total`, help, value };
}

function gauge(what: string, help: string, value: number): Collected {
  return { kind: "gauge", name: `robyn_cache_${what}_bytes`, help, value };
}
