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

/** One limit: a quota of `burst` units, of which one comes back in each interval. */
export interface RateWindow {
  /** Tells limits apart that have the same keys. */
  readonly identity: string;
  /** Whole nanoseconds. */
  readonly interval_ns: number;
  readonly burst: number;
}

/**
 * Windows that requests are held against together. Each request asks or skips every window, then decides; what the
 * windows say then stays until the next decision.
 */
export interface RateLimiter {
  /** @param cost units, at most the burst. */
  ask(index: number, key: string, cost: number): void;
  skip(index: number): void;
  /**
   * Charges every window that was asked, or none.
   *
   * @param now nanoseconds, of `Segment.now()`.
   * @throws TypeError for a cost above the burst.
   */
  decide(now: number): boolean;
  /** Units that are left. */
  remaining(index: number): number;
  /** Nanoseconds until the quota is full again. */
  reset_ns(index: number): number;
  /** Nanoseconds until the refused request would be allowed; 0 where this window did not refuse it. */
  retry_ns(index: number): number;
}

/** What a request asks of one window. */
export interface AskedWindow {
  readonly key: string;
  /** Units, at most the burst. */
  readonly cost: number;
}

/** A decision, and what each window that was asked says; as in `RateLimiter`. */
export interface RateDecision {
  readonly isAllowed: boolean;
  remaining(index: number): number;
  reset_ns(index: number): number;
  retry_ns(index: number): number;
}

/** Limits that several clusters share: the same decisions, and waited for. */
export interface RemoteRateLimits {
  /**
   * Charges every window that is asked, or none.
   *
   * @returns undefined where nobody can be asked just now.
   * @throws TypeError for a cost above the burst.
   */
  decide(
    windows: readonly RateWindow[],
    asked: readonly (AskedWindow | undefined)[],
  ): Promise<RateDecision | undefined>;
}

export interface RateLimits {
  /** Set by who joins clusters. Where it decides, the limiters here are not asked. */
  remote: RemoteRateLimits | undefined;
  limiter(windows: readonly RateWindow[]): RateLimiter;
  /** Keys in use that the bounded table has forgotten. */
  readonly evictions: number;
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

/** Invalidations that other clusters have to be told of: what a cluster ends, no other one may bring back. */
export interface CacheDebts {
  /** Of this listener. */
  readonly slot: number;
  /** Before an invalidation takes effect. @returns its number */
  incur(): number;
  /** All that the slot has incurred up to this number has arrived where every cluster looks. */
  settle(slot: number, number: number): void;
  /** Whether anybody of the cluster owes. */
  areOpen(): boolean;
  /** What this listener owes, and what others owed when they died; the slots with their latest numbers. */
  due(): ReadonlyMap<number, number>;
}

/** An answer on its way between clusters. Points in time are those of the cluster that has it just now. */
export interface SharedAnswer extends Pick<
  CachedAnswer,
  "storedAt" | "freshUntil" | "head" | "body"
> {
  /** Of its path and tags: cells are of one cluster alone. */
  readonly names: readonly string[];
}

/** What the other clusters had for a key. */
export interface SharedLook {
  readonly found: SharedAnswer | undefined;
  /** Takes an answer whose computation has begun since. Not waited for. */
  keep(answer: SharedAnswer): void;
}

/** Answers that several clusters share. */
export interface RemoteCache {
  /** As `Cache-Status` has it (RFC 9211): a token. */
  readonly name: string;
  /** @returns undefined where nobody can be asked just now, or had not answered in time */
  look(key: string, now: () => number, patience_ms: number): Promise<SharedLook | undefined>;
  /** Names that were invalidated here, none: everything; and the number that this is owed under. */
  tell(names: readonly string[], number: number): void;
}

/** Responses that a cluster shares, bounded, and who computes which of them. */
export interface CacheStore {
  /** Whether other processes see it. */
  readonly shared: boolean;
  /** Largest body that has a chance to be stored. */
  readonly bodyBytesMax: number;
  /** What this listener has counted, by `cacheCounter`: whoever counts adds to them. */
  readonly counters: Float64Array;
  /** What it has not told other clusters yet. */
  readonly debts: CacheDebts;
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
  /** @returns false if it is too large, or could not be stored just now. What has been invalidated is passed over. */
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
  readonly rateLimits: RateLimits;
  /** Nanoseconds on the clock that all who share it have in common. */
  now(): number;
  /** The numbers of this listener and of all that share the segment. */
  openMetrics(): MetricStore;
  /** The responses in it; always the same object. */
  cache(): CacheStore;
  /**
   * The channel of that name, as this listener uses it; once per name.
   *
   * @throws RobynError ROBYN_CHANNEL_LIMIT, ROBYN_CHANNEL_LOST
   */
  openChannel(name: string, capacity: number): ChannelPort;
  /** No part of it may be used afterwards. */
  close(): void;
}

/** How the gauges of several listeners become one. */
export type GaugeSum = "sum" | "min" | "max";

/** Parts of a series: below `metricPart.sum` they are summed cell by cell, at and above they are gauges. */
export const metricPart = { sum: 256, min: 257, max: 258 } as const;

export const cellsPerLine = 8;

/** Lines are seen in chunks of 256 KB: JavaScriptCore counts what a view spans as memory of the heap. */
export const lineBits = 12;

/**
 * Numbers in lines of eight. Only this listener writes to its lines, so it needs neither lock nor call: what it stores
 * into their cells is what others read.
 */
export interface MetricStore {
  /** Whether other processes see it. */
  readonly shared: boolean;
  /**
   * `chunks[line >> lineBits]` has a line that `line()` returned, and line 0. That one is nobody's and never read:
   * what is written there is dropped.
   */
  readonly chunks: readonly Float64Array[];
  readonly clock: TickClock;
  /** Cell 1 of a gauge; the gauge counts as long as the listener with this number lives. */
  readonly incarnation: number;
  /**
   * The number of a text: a family (`parent` 0), or a series of one. The same text has the same number for everybody.
   *
   * @param limit most series of the family, 0 for as many as there is space for.
   * @returns undefined where the limit is reached, there is no space, or the text is too long.
   */
  register(parent: number, text: string, limit: number): number | undefined;
  /** The line of this listener for a part of a series. @returns 0 if there is no space. */
  line(series: number, part: number): number;
  read(): MetricReading;
  /** What was registered under this number. */
  text(number: number): { readonly parent: number; readonly text: string };
}

/** A clock for short times, as cheap as the core has one. */
export interface TickClock {
  /** Counts up; only differences mean something. */
  readonly ticks: () => number;
  readonly secondsPerTick: number;
  /** Compares it with the system's clock; called now and then, at most every 100 ms. */
  adjust(): void;
}

export interface MetricReading {
  /** Ordered by series and part. Of a gauge, cell 0 is the value and cell 1 how many living listeners have one. */
  readonly totals: readonly MetricTotal[];
  readonly listenersAlive: number;
  /** All that were ever started in this cluster. */
  readonly listenersStarted: number;
}

export interface MetricTotal {
  readonly series: number;
  readonly part: number;
  readonly cells: Float64Array;
}

/** Text is JSON, as a rule; bytes are handed on as they are. */
export type ChannelMessage = string | Uint8Array;

/** What `send` answers where nothing was accepted. */
export const channelVerdict = { full: -1, too_large: -2 } as const;

export interface ChannelCounts {
  /** Since the channel exists, by all listeners. */
  readonly sent: number;
  readonly acknowledged: number;
  /** When the oldest message that waits was sent, on the clock of the segment; undefined: none waits. */
  readonly oldest_ns: number | undefined;
  /** Whether somebody consumes. */
  readonly consumed: boolean;
}

/** A message as its cluster knows it: what is handed out again has the same origin and number as before. */
export interface NumberedMessage {
  readonly message: ChannelMessage;
  /** Who sent it, as a number that means something within its cluster and channel only. */
  readonly origin: number;
  /** Higher with every message of an origin. */
  readonly number: number;
}

/**
 * Where messages come out. Nothing here waits: whoever has to is told that the doorbell of its slot will be rung, and
 * calls that change something tell whose doorbell has to be.
 *
 * @throws RobynError ROBYN_CHANNEL_LOST (any call) if the memory is damaged, or the slot went to another listener.
 */
export interface ReceivingEnd<Message> {
  /** Becomes the consumer, or stays it. If another listener is, this slot is rung when that one lets go. */
  lease(): boolean;
  /** Lets go, and does not ask any more. What was not acknowledged is delivered again. @returns slots to be rung. */
  release(): number[];
  /** Whether another listener consumes, or would, so that nothing has to be finished here. */
  hasRival(): boolean;
  /** At most `max` messages that were not handed out yet: per sender in the order of sending. */
  take(max: number): Message[];
  /** All that was handed out is done with. @returns slots to be rung. */
  acknowledge(): number[];
  /** Whether nothing is there. If so, this slot is rung when something is. */
  maySleep(): boolean;
  /** Whether all that was sent is acknowledged. */
  isEmpty(): boolean;
}

/** Both ends of a channel within its cluster. */
export interface ChannelPort extends ReceivingEnd<ChannelMessage> {
  /** @returns 0, or the slot plus one that has to be rung, or a `channelVerdict`. */
  send(message: ChannelMessage): number;
  /** Whether there is no room for it. If so, this slot is rung when there may be. */
  mustWait(message: ChannelMessage): boolean;
  takeNumbered(max: number): NumberedMessage[];
  counts(): ChannelCounts;
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
