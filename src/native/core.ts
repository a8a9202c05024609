/**
 * The contract that the Zig core and the portable core both fulfil. Nothing above this room knows which one runs,
 * apart from the banner.
 */
import type { Encoding } from "../http/negotiation.ts";
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

/** What the listeners of a cluster share: exact across processes with the Zig core, of one listener with the portable one. */
export interface Segment {
  /** Whether other processes see it. */
  readonly shared: boolean;
  readonly slot: number;
  /** Nanoseconds on the clock that all who share it have in common. */
  now(): number;
  /**
   * The channel of that name, as this listener uses it; once per name.
   *
   * @throws RobynError ROBYN_CHANNEL_LIMIT, ROBYN_CHANNEL_LOST
   */
  openChannel(name: string, capacity: number): ChannelPort;
  /** No part of it may be used afterwards. */
  close(): void;
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

/**
 * One end of a channel. Nothing here waits: whoever has to is told that the doorbell of its slot will be rung, and
 * calls that change something tell whose doorbell has to be.
 *
 * @throws RobynError ROBYN_CHANNEL_LOST (any call) if the memory is damaged, or the slot went to another listener.
 */
export interface ChannelPort {
  /** @returns 0, or the slot plus one that has to be rung, or a `channelVerdict`. */
  send(message: ChannelMessage): number;
  /** Whether there is no room for it. If so, this slot is rung when there may be. */
  mustWait(message: ChannelMessage): boolean;
  /** Becomes the consumer, or stays it. If another listener is, this slot is rung when that one lets go. */
  lease(): boolean;
  /** Lets go, and does not ask any more. What was not acknowledged is delivered again. @returns slots to be rung. */
  release(): number[];
  /** Whether another listener consumes, or would. */
  hasRival(): boolean;
  /** At most `max` messages that were not handed out yet: per sender in the order of sending. */
  take(max: number): ChannelMessage[];
  /** All that was handed out is done with. @returns slots to be rung. */
  acknowledge(): number[];
  /** What was not acknowledged is handed out again. */
  rewind(): void;
  /** Whether nothing is there. If so, this slot is rung when something is. */
  maySleep(): boolean;
  counts(): ChannelCounts;
  close(): void;
}

export interface Core {
  readonly name: CoreName;
  /** @throws Error if the descriptor is not the segment of this version. */
  openSegment(place: SegmentPlace): Segment;
  createRouteTable(options: { strict: boolean }): RouteTable;
  createResponseCache(): ResponseCache;
}
