/** The shared response cache: a thin class over `robyn_shared_cache_*` and `robyn_flight_*`. */
import type { Pointer } from "bun:ffi";
import { limits } from "../limits.ts";
import { ZigCacheDebts } from "./cache-debts.ts";
import { cacheCountersCount, readCounts } from "./cache-counters.ts";
import type { CacheDebts, CachedAnswer, CacheStore, CacheTotals } from "./core.ts";
import {
  allocateShared,
  type NativeSymbols,
  type TextBuffer,
  textBuffer,
  viewMemory,
} from "./library.ts";
import { statusName } from "./route-table.ts";
import { sizes, status } from "./symbols.ts";

/** What it needs of a segment. */
export interface CacheHome {
  readonly native: NativeSymbols;
  readonly handle: Pointer;
  readonly shared: boolean;
  readonly slot: number;
  now(): number;
}

/** One UTF-16 unit takes at most three bytes, so a key within the limit is never cut. */
const key_scratch_bytes = 3 * limits.cache_key_bytes_max;

export class ZigCacheStore implements CacheStore {
  readonly shared: boolean;
  readonly bodyBytesMax: number;
  readonly counters: Float64Array;
  readonly debts: CacheDebts;
  readonly #home: CacheHome;
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;
  readonly #changes: Int32Array;
  readonly #latest: BigUint64Array;
  readonly #cells: BigUint64Array;
  readonly #key: TextBuffer;
  readonly #keyPointer: Pointer;
  readonly #record = allocateShared(sizes.CacheRecord);
  /** Filled by `get`, read by `put`; grows with what is found. */
  #parts = allocateShared(65_536);

  constructor(home: CacheHome) {
    const key = allocateShared(key_scratch_bytes);
    this.#home = home;
    this.debts = new ZigCacheDebts(home);
    this.#native = home.native;
    this.#handle = home.handle;
    this.shared = home.shared;
    this.#key = textBuffer(key.buffer);
    this.#keyPointer = key.pointer;
    const addresses = allocateShared(24);
    const result = this.#native.robyn_shared_cache_views(
      this.#handle,
      home.slot,
      addresses.pointer,
    );
    if (result !== status.ok)
      throw new TypeError(`robyn_shared_cache_views: ${statusName(result)}`);
    const [latest, cells, counters] = [...new BigUint64Array(addresses.buffer)].map(Number);
    const first = viewMemory(latest!, 16).buffer;
    this.#changes = new Int32Array(first);
    this.#latest = new BigUint64Array(first);
    this.#cells = new BigUint64Array(viewMemory(cells!, 8 * limits.cache_cells_max).buffer);
    this.counters = new Float64Array(viewMemory(counters!, 8 * cacheCountersCount).buffer);
    // A block has its key, head and cells beside the body.
    this.bodyBytesMax = Number(this.#stats()[3]);
  }

  now(): number {
    return this.#home.now();
  }

  change(): number {
    return Atomics.load(this.#changes, 0);
  }

  latest(): number {
    return Number(Atomics.load(this.#latest, 0));
  }

  isValid({ born, cells }: CachedAnswer): boolean {
    // Behind the number of the latest invalidation is that of the latest one of everything.
    if (Number(Atomics.load(this.#latest, 1)) > born) return false;
    return cells.every((cell) => Number(Atomics.load(this.#cells, cell)) <= born);
  }

  cellOf(name: string): number {
    const bytes = this.#writeKey(name);
    return this.#native.robyn_shared_cache_cell(this.#handle, this.#keyPointer, Math.max(bytes, 0));
  }

  get(key: string): CachedAnswer | undefined {
    const length = this.#writeKey(key);
    if (length < 0) return undefined;
    for (;;) {
      const capacity = this.#parts.buffer.byteLength;
      const result = this.#native.robyn_shared_cache_get(
        this.#handle,
        this.#keyPointer,
        length,
        this.now(),
        this.#record.pointer,
        this.#parts.pointer,
        capacity,
      );
      if (result === status.ok) return this.#read();
      if (result !== status.out_of_space) return undefined;
      const words = new Uint32Array(this.#record.buffer);
      const needed = words[8]! * 4 + words[10]! + words[11]! + 24;
      // Given up and written anew meanwhile, it may be larger again; it never exceeds a block.
      this.#parts = allocateShared(Math.max(needed, 2 * capacity));
    }
  }

  touch(key: string): void {
    const length = this.#writeKey(key);
    if (length > 0) this.#native.robyn_shared_cache_touch(this.#handle, this.#keyPointer, length);
  }

  put(key: string, answer: CachedAnswer): boolean {
    const length = this.#writeKey(key);
    const { cells, body } = answer;
    const head = Buffer.from(answer.head);
    if (length < 0 || cells.length > limits.cache_cells_per_response_max) return false;
    const needed = 4 * cells.length + length + head.length + body.length;
    if (needed > this.bodyBytesMax) return false;
    // Nobody would get it, and it must not take the place of one that is good.
    if (!this.isValid(answer)) return true;
    if (needed > this.#parts.buffer.byteLength) this.#parts = allocateShared(needed);
    const { buffer, pointer } = this.#parts;
    new Uint32Array(buffer, 0, cells.length).set(cells);
    const bytes = new Uint8Array(buffer);
    const keyAt = 4 * cells.length;
    bytes.set(this.#key.subarray(0, length), keyAt);
    bytes.set(head, keyAt + length);
    bytes.set(body, keyAt + length + head.length);
    const times = new BigUint64Array(this.#record.buffer, 0, 4);
    times.set([answer.born, answer.storedAt, answer.freshUntil, answer.staleUntil].map(toWord));
    new Uint32Array(this.#record.buffer, 32).set([cells.length, length, head.length, body.length]);
    const { slot } = this.#home;
    const result = this.#native.robyn_shared_cache_put(
      this.#handle,
      slot,
      this.#record.pointer,
      pointer,
    );
    return result === status.ok;
  }

  invalidate(cells: readonly number[]): void {
    const list = allocateShared(Math.max(4 * cells.length, 4));
    new Uint32Array(list.buffer).set(cells);
    const result = this.#native.robyn_shared_cache_invalidate(
      this.#handle,
      list.pointer,
      cells.length,
    );
    if (result !== status.ok)
      throw new TypeError(`robyn_shared_cache_invalidate: ${statusName(result)}`);
  }

  acquire(key: string, seconds: number): boolean {
    const length = this.#writeKey(key);
    if (length < 0) return true;
    const { slot } = this.#home;
    const [now, end] = [this.now(), seconds * 1e9];
    return (
      this.#native.robyn_flight_acquire(this.#handle, slot, this.#keyPointer, length, now, end) !==
      0
    );
  }

  release(key: string): void {
    const length = this.#writeKey(key);
    if (length < 0) return;
    this.#native.robyn_flight_release(this.#handle, this.#home.slot, this.#keyPointer, length);
  }

  isUnderWay(key: string): boolean {
    const length = this.#writeKey(key);
    if (length < 0) return false;
    const now = this.now();
    return this.#native.robyn_flight_under_way(this.#handle, this.#keyPointer, length, now) !== 0;
  }

  totals(): CacheTotals {
    const words = this.#stats();
    const [evictions, bytes, capacity] = words;
    return {
      ...readCounts(new Float64Array(words.buffer, 32)),
      evictions: Number(evictions),
      bytes: Number(bytes),
      capacity: Number(capacity),
    };
  }

  /** extern struct Stats { evictions, bytes, capacity, block_bytes_max: u64, counters: [16]f64 } */
  #stats(): BigUint64Array<ArrayBuffer> {
    const stats = allocateShared(sizes.CacheStats);
    const result = this.#native.robyn_shared_cache_stats(this.#handle, stats.pointer);
    if (result !== status.ok)
      throw new TypeError(`robyn_shared_cache_stats: ${statusName(result)}`);
    return new BigUint64Array(stats.buffer);
  }

  /** extern struct Record { born, stored_ns, fresh_until_ns, stale_until_ns: u64, cells, key, head, body: u32 } */
  #read(): CachedAnswer {
    const { buffer } = this.#parts;
    const times = new BigUint64Array(this.#record.buffer, 0, 4);
    const [cellsCount, , headLength, bodyLength] = new Uint32Array(this.#record.buffer, 32);
    const headAt = align(4 * cellsCount!);
    const bodyAt = headAt + align(headLength!);
    return {
      born: Number(times[0]),
      storedAt: Number(times[1]),
      freshUntil: Number(times[2]),
      staleUntil: Number(times[3]),
      cells: [...new Uint32Array(buffer, 0, cellsCount)],
      head: Buffer.from(buffer, headAt, headLength).toString(),
      body: new Uint8Array(buffer, bodyAt, bodyLength).slice(),
    };
  }

  /** @returns the bytes, or -1 if it is too long, or no text: then it is nobody's key. */
  #writeKey(key: string): number {
    if (key.length > limits.cache_key_bytes_max || !key.isWellFormed()) return -1;
    const length = this.#key.utf8Write(key, 0);
    return length > limits.cache_key_bytes_max ? -1 : length;
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function toWord(value: number): bigint {
  return BigInt(Math.max(0, Math.trunc(Math.min(value, Number.MAX_SAFE_INTEGER))));
}
