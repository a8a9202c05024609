/** The segment where no native library can be loaded: the same interfaces, seen by this listener alone. */
import type { MetricStore, RateLimits, Segment } from "./core.ts";
import { PortableMetricStore } from "./portable-metrics.ts";
import { PortableRateLimits } from "./portable-rate-limits.ts";

export class PortableSegment implements Segment {
  readonly shared = false;
  readonly slot: number;
  readonly rateLimits: RateLimits = new PortableRateLimits();

  constructor(slot: number) {
    this.slot = slot;
  }

  now(): number {
    return performance.now() * 1e6;
  }

  openMetrics(): MetricStore {
    return new PortableMetricStore();
  }

  close(): void {}
}
