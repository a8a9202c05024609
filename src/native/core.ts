/**
 * The contract that the Zig core and the portable core both fulfil. Nothing above this room knows which one runs,
 * apart from the banner.
 */
import type { Encoding } from "../http/negotiation.ts";
import type { CacheCounts } from "./cache-counters.ts";
import type { PatternRefusal, ReasonName } from "../http/pattern.ts";

export type CoreName = "zig" | "portable";

/** Why an insert was refused; the caller knows the routes by their endpoint ids and writes the sentence. */
export interface Refusal {
  readonly status:
    PatternRefusal | "conflict" | "method_invalid" | "too_many_methods" | "too_many_routes";
  readonly reason: ReasonName;
  /** Byte offset in the pattern, for `pattern_invalid`. */
  readonly offset: number;
  /** Endpoint of the route that is in the way, for `conflict`. */
  readonly conflict: number;
}

/**
 * Routes of one application: building, then sealed and immutable.
 *
 * `find` leaves its result in the table until the next `find`: read what is needed before anything is awaited.
 */
export interface RouteTable {
  /** @returns why the route was refused; the table then matches as before. */
  insert(method: string, pattern: string, endpoint: number): Refusal | undefined;
  /** From now on `find` works and `insert` throws. */
  seal(): void;
  /** Id of a method token, or `unknownMethod`. */
  methodId(token: string): number;
  /** @returns the endpoint, or a negative verdict (`src/http/path.ts`). */
  find(method: number, url: string): number;
  /** Canonical path of the last find, unless it was refused. */
  path(): string;
  /** Number of parameter values of the last find. */
  readonly valuesCount: number;
  /** Value of a parameter of the last find, decoded. */
  value(index: number): string;
  /** After `method_not_allowed`: the tokens that have a route here, in the order of their ids. */
  allowed(): string[];
  /** Frees what the table holds; it must not be used afterwards. */
  destroy(): void;
}

export interface StoredResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** Const responses by endpoint and content coding. What `get` returns stays valid until the cache is destroyed. */
export interface ResponseCache {
  /** @throws TypeError if the key is taken, the cache is sealed or its limits are reached. */
  put(endpoint: number, encoding: Encoding, response: StoredResponse): void;
  /** From now on `get` works and `put` throws. */
  seal(): void;
  get(endpoint: number, encoding: Encoding): StoredResponse | undefined;
  destroy(): void;
}

/** Where the listener finds the segment of its cluster. Without a descriptor it makes memory of its own. */
export interface SegmentPlace {
  readonly descriptor: number | undefined;
  /** Number of this listener in its cluster; nobody else that lives has the same. */
  readonly slot: number;
}

/** A response as it lies in the cache. Points in time are nanoseconds of `Segment.now()`. */
export interface CachedAnswer {
  /** Number of the latest invalidation when its computation began. */
  readonly born: number;
  readonly storedAt: number;
  readonly freshUntil: number;
  /** Until then it may be served while another is computed; then it is gone. */
  readonly staleUntil: number;
  /** What invalidates it: cells of its path and tags. */
  readonly cells: readonly number[];
  /** Text of whoever stores it. */
  readonly head: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Of all who share the cache. */
export interface CacheTotals extends CacheCounts {
  readonly evictions: number;
  /** In use, and how many there are. */
  readonly bytes: number;
  readonly capacity: number;
}

/** Responses that a cluster shares, bounded, and who computes which of them. */
export interface CacheStore {
  /** Whether other processes see it. */
  readonly shared: boolean;
  /** Largest body that has a chance to be stored. */
  readonly bodyBytesMax: number;
  /** What this listener has counted, by `cacheCounter`: whoever counts adds to them. */
  readonly counters: Float64Array;
  now(): number;
  /** Another number after every invalidation: what was checked before holds as long as it stays the same. */
  change(): number;
  /** Number of the latest invalidation; a computation takes it when it begins, as `born`. */
  latest(): number;
  /** Whether nothing has invalidated it. */
  isValid(answer: CachedAnswer): boolean;
  cellOf(name: string): number;
  /** @returns only what has not been invalidated and may still be served. */
  get(key: string): CachedAnswer | undefined;
  /** Counts as being asked for. */
  touch(key: string): void;
  /** @returns false if it is too large, or could not be stored just now. */
  put(key: string, answer: CachedAnswer): boolean;
  /** No cells: everything. When it returns, nobody gets what it invalidates any more. */
  invalidate(cells: readonly number[]): void;
  /** @returns whether the caller is the one to compute it; it has to `release` the key afterwards. */
  acquire(key: string, seconds: number): boolean;
  release(key: string): void;
  isUnderWay(key: string): boolean;
  totals(): CacheTotals;
}

/** What the listeners of a cluster share: exact across processes with the Zig core, of one listener with the portable one. */
export interface Segment {
  /** Whether other processes see it. */
  readonly shared: boolean;
  readonly slot: number;
  /** Nanoseconds on the clock that all who share it have in common. */
  now(): number;
  /** The responses in it; always the same object. */
  cache(): CacheStore;
  /** No part of it may be used afterwards. */
  close(): void;
}

export interface Core {
  readonly name: CoreName;
  /**
   * @param cacheBytes memory for cached responses, where the segment is made here; in a cluster its owner has chosen.
   * @throws Error if the descriptor is not the segment of this version.
   */
  openSegment(place: SegmentPlace, cacheBytes?: number): Segment;
  createRouteTable(options: { strict: boolean }): RouteTable;
  createResponseCache(): ResponseCache;
}
