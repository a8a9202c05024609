/** The memory that worker processes share: thin classes over `robyn_segment_*`. */
import type { Pointer } from "bun:ffi";
import { RobynError } from "../errors.ts";
import { ZigCacheStore } from "./cache-store.ts";
import type { Logger } from "../logger.ts";
import { ZigChannel } from "./channel.ts";
import type {
  CacheStore,
  ChannelPort,
  MetricStore,
  RateLimits,
  Segment,
  SegmentPlace,
} from "./core.ts";
import { allocateShared, libraryPath, type NativeSymbols, openLibrary } from "./library.ts";
import { ZigMetricStore } from "./metrics.ts";
import { ZigRateLimits } from "./rate-limits.ts";
import { statusName } from "./route-table.ts";
import { sizes, status } from "./symbols.ts";

export class ZigSegment implements Segment {
  readonly shared: boolean;
  readonly slot: number;
  readonly rateLimits: RateLimits;
  /** @internal for the classes beside this one */
  readonly native: NativeSymbols;
  /** @internal */
  readonly handle: Pointer;
  readonly #clockDistance: number;
  #cache: ZigCacheStore | undefined;

  constructor(native: NativeSymbols, { descriptor, slot }: SegmentPlace, cacheBytes = 0) {
    this.native = native;
    this.handle =
      descriptor === undefined ? create(native, false, cacheBytes) : openShared(native, descriptor);
    this.shared = descriptor !== undefined;
    this.slot = slot;
    this.rateLimits = new ZigRateLimits(native, this.handle);
    this.#clockDistance = clockDistance(native);
    // In a cluster the primary gives the slots; alone there is one, and it is ours.
    if (!this.shared) native.robyn_segment_claim_slot(this.handle, slot);
  }

  now(): number {
    return performance.now() * 1e6 + this.#clockDistance;
  }

  openMetrics(): MetricStore {
    return new ZigMetricStore(this);
  }

  cache(): CacheStore {
    return (this.#cache ??= new ZigCacheStore(this));
  }

  openChannel(name: string, capacity: number): ChannelPort {
    return new ZigChannel(this, name, capacity);
  }

  close(): void {
    this.native.robyn_segment_close(this.handle);
  }
}

/** The segment as its owner sees it: the primary, which hands the descriptor on and gives out the slots. */
export class OwnedSegment {
  /** To be inherited by the workers. */
  readonly descriptor: number;
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;

  /**
   * @param options.cacheBytes memory for cached responses.
   * @throws Error with one sentence, where there is no library or no shared memory.
   */
  constructor({ cacheBytes = 0 }: { readonly cacheBytes?: number } = {}) {
    this.#native = openLibrary(libraryPath);
    this.#handle = create(this.#native, true, cacheBytes);
    this.descriptor = this.#native.robyn_segment_descriptor(this.#handle);
  }

  /** Before the listener of this slot starts. */
  claimSlot(slot: number): void {
    this.#native.robyn_segment_claim_slot(this.#handle, slot);
  }

  /** For tests: whether the response cache is sound. Nobody may write to it meanwhile. */
  verifyCache(): boolean {
    return this.#native.robyn_shared_cache_verify(this.#handle) === 1;
  }

  /** After its process has exited. */
  releaseSlot(slot: number): void {
    this.#native.robyn_segment_release_slot(this.#handle, slot);
  }
}

/** Undefined where memory cannot be shared: every listener of the cluster then has its own, and the log says so. */
export function ownSegment(logger: Logger, cacheBytes: number): OwnedSegment | undefined {
  try {
    return new OwnedSegment({ cacheBytes });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    logger.warn(`limits, caches and metrics are not shared between processes: ${why}`);
    return undefined;
  }
}

/** extern struct Options { shared: u32, pad: u32, cache_bytes: u64 } */
function create(native: NativeSymbols, shared: boolean, cacheBytes: number): Pointer {
  const options = allocateShared(sizes.SegmentOptions);
  new Uint32Array(options.buffer)[0] = shared ? 1 : 0;
  new BigUint64Array(options.buffer)[1] = BigInt(cacheBytes);
  const handle = allocateShared(8);
  const result = native.robyn_segment_create(options.pointer, handle.pointer);
  if (result === status.out_of_memory) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `The system has no memory for a cache of ${cacheBytes} bytes.`,
      "Give cacheSize fewer.",
    );
  }
  check(result, "robyn_segment_create");
  return readHandle(handle.buffer);
}

function openShared(native: NativeSymbols, descriptor: number): Pointer {
  const handle = allocateShared(8);
  check(native.robyn_segment_open(descriptor, handle.pointer), "robyn_segment_open");
  return readHandle(handle.buffer);
}

function readHandle(buffer: ArrayBuffer): Pointer {
  return Number(new BigUint64Array(buffer)[0]) as Pointer;
}

function check(result: number, symbol: string): void {
  if (result === status.ok) return;
  if (result === status.segment_invalid) {
    throw new Error(
      `the shared memory of this cluster is damaged or of another version of robyn; restart the cluster`,
    );
  }
  throw new Error(`${symbol}: ${statusName(result)}`);
}

/**
 * `performance.now()` costs a fraction of a native call, but counts from another start in each process. Of several
 * readings the shortest is the truest: nobody took the processor away in between.
 */
function clockDistance(native: NativeSymbols): number {
  let best = Number.POSITIVE_INFINITY;
  let distance = 0;
  for (let round = 0; round < 16; round++) {
    const before = performance.now();
    const shared = native.robyn_monotonic_ns();
    const after = performance.now();
    if (after - before >= best) continue;
    best = after - before;
    distance = shared - ((before + after) / 2) * 1e6;
  }
  return distance;
}
