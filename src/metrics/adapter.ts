/** What joins clusters, in numbers: each listener writes its own, a scrape sees the sum. */
import type { MetricRegistry } from "./registry.ts";

/** Since this listener started. */
export interface AdapterCounts {
  readonly connected: boolean;
  /** Connections that ended without being closed here, and attempts that failed. */
  readonly failures: number;
  /** Messages that were not handed over: no connection, or too much waited. */
  readonly dropped: number;
  /** Decisions of rate limits that were made here, because nobody else could be asked. */
  readonly fallbacks: number;
}

/** @returns what takes a sample */
export function adapterMeter(
  registry: MetricRegistry,
  name: string,
  counts: () => AdapterCounts,
): () => void {
  const counter = (what: string, help: string) =>
    registry.counter(`robyn_${name}_${what}_total`, help).with();
  const connected = registry
    .gauge(`robyn_${name}_connected`, "Listeners that are connected.")
    .with();
  const failures = counter("failures", "Connections that were lost, and attempts in vain.");
  const dropped = counter("dropped", "Messages that could not be handed over.");
  const fallbacks = counter("fallbacks", "Rate limits that a cluster decided alone.");
  let before: AdapterCounts = { connected: false, failures: 0, dropped: 0, fallbacks: 0 };
  return () => {
    const now = counts();
    connected.set(now.connected ? 1 : 0);
    failures.inc(now.failures - before.failures);
    dropped.inc(now.dropped - before.dropped);
    fallbacks.inc(now.fallbacks - before.fallbacks);
    before = now;
  };
}
