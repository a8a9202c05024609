/** The segment where no native library can be loaded: the same interfaces, seen by this listener alone. */
import { limits } from "../limits.ts";
import type { CacheStore, ChannelPort, MetricStore, RateLimits, Segment } from "./core.ts";
import { PortableCacheStore } from "./portable-cache.ts";
import { PortableChannel } from "./portable-channel.ts";
import { PortableMetricStore } from "./portable-metrics.ts";
import { PortableRateLimits } from "./portable-rate-limits.ts";

export class PortableSegment implements Segment {
  readonly shared = false;
  readonly slot: number;
  readonly rateLimits: RateLimits = new PortableRateLimits();
  readonly #cacheBytes: number;
  #cache: PortableCacheStore | undefined;

  constructor(slot: number, cacheBytes: number = limits.cache_bytes_default) {
    this.slot = slot;
    this.#cacheBytes = cacheBytes;
  }

  now(): number {
    // Whole, like those of the Zig core: fractions would be lost when seconds are added, and 60 s left become 61.
    return Math.round(performance.now() * 1e6);
  }

  openMetrics(): MetricStore {
    return new PortableMetricStore();
  }

  cache(): CacheStore {
    return (this.#cache ??= new PortableCacheStore(this.#cacheBytes, () => this.now()));
  }

  openChannel(_name: string, capacity: number): ChannelPort {
    return new PortableChannel(this, capacity);
  }

  close(): void {}
}
