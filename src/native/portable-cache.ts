/**
 * The response cache where no native library can be loaded: the same interface, seen by this listener alone. Bounded
 * in bytes; what was asked for since it was last looked at gets a second chance (CLOCK), everything else goes in the
 * order in which it came.
 */
import { limits } from "../limits.ts";
import { cacheCountersCount, readCounts } from "./cache-counters.ts";
import type { CacheDebts, CachedAnswer, CacheStore, CacheTotals } from "./core.ts";

interface Block {
  readonly answer: CachedAnswer;
  readonly bytes: number;
  visited: boolean;
}

/** What a block takes beside its texts, roughly. */
const overhead_bytes = 256;

export class PortableCacheStore implements CacheStore {
  readonly shared = false;
  readonly bodyBytesMax: number;
  readonly counters = new Float64Array(cacheCountersCount);
  readonly debts: CacheDebts = new PortableCacheDebts();
  readonly now: () => number;
  readonly #capacity: number;
  /** In the order in which they came, or got their second chance. */
  readonly #blocks = new Map<string, Block>();
  readonly #cells = new Float64Array(limits.cache_cells_max);
  /** Ends of leases. */
  readonly #leases = new Map<string, number>();
  #bytes = 0;
  #latest = 0;
  #all = 0;
  #evictions = 0;

  constructor(capacity: number, now: () => number) {
    this.#capacity = capacity;
    this.bodyBytesMax = Math.floor(capacity / 16);
    this.now = now;
  }

  change(): number {
    return this.#latest;
  }

  latest(): number {
    return this.#latest;
  }

  isValid({ born, cells }: CachedAnswer): boolean {
    return this.#all <= born && cells.every((cell) => this.#cells[cell]! <= born);
  }

  cellOf(name: string): number {
    return Number(BigInt(Bun.hash(name)) % BigInt(limits.cache_cells_max));
  }

  get(key: string): CachedAnswer | undefined {
    const block = this.#blocks.get(key);
    if (block === undefined) return undefined;
    if (this.now() >= block.answer.staleUntil || !this.isValid(block.answer)) {
      this.#remove(key, block);
      return undefined;
    }
    block.visited = true;
    return block.answer;
  }

  touch(key: string): void {
    const block = this.#blocks.get(key);
    if (block !== undefined) block.visited = true;
  }

  put(key: string, answer: CachedAnswer): boolean {
    const bytes = 2 * (key.length + answer.head.length) + answer.body.length + overhead_bytes;
    if (bytes > this.bodyBytesMax || !this.#isKey(key, answer)) return false;
    // Nobody would get it, and it must not take the place of one that is good.
    if (!this.isValid(answer)) return true;
    const former = this.#blocks.get(key);
    if (former !== undefined) this.#remove(key, former);
    while (this.#bytes + bytes > this.#capacity) this.#evict();
    this.#blocks.set(key, { answer, bytes, visited: false });
    this.#bytes += bytes;
    return true;
  }

  invalidate(cells: readonly number[]): void {
    this.#latest++;
    if (cells.length === 0) this.#all = this.#latest;
    for (const cell of cells) this.#cells[cell] = this.#latest;
  }

  acquire(key: string, seconds: number): boolean {
    if (this.isUnderWay(key)) return false;
    this.#leases.set(key, this.now() + seconds * 1e9);
    return true;
  }

  release(key: string): void {
    this.#leases.delete(key);
  }

  isUnderWay(key: string): boolean {
    return (this.#leases.get(key) ?? 0) > this.now();
  }

  totals(): CacheTotals {
    const [evictions, bytes, capacity] = [this.#evictions, this.#bytes, this.#capacity];
    return { ...readCounts(this.counters), evictions, bytes, capacity };
  }

  #isKey(key: string, { cells }: CachedAnswer): boolean {
    return (
      key.isWellFormed() &&
      Buffer.byteLength(key) <= limits.cache_key_bytes_max &&
      cells.length <= limits.cache_cells_per_response_max
    );
  }

  #evict(): void {
    for (const [key, block] of this.#blocks) {
      this.#remove(key, block);
      if (!block.visited) {
        this.#evictions++;
        return;
      }
      this.#blocks.set(key, { ...block, visited: false });
      this.#bytes += block.bytes;
    }
  }

  #remove(key: string, block: Block): void {
    this.#blocks.delete(key);
    this.#bytes -= block.bytes;
  }
}

/** Of this listener alone. */
class PortableCacheDebts implements CacheDebts {
  readonly slot = 0;
  #incurred = 0;
  #settled = 0;

  incur(): number {
    return ++this.#incurred;
  }

  settle(_slot: number, number: number): void {
    if (number <= this.#incurred) this.#settled = Math.max(this.#settled, number);
  }

  areOpen(): boolean {
    return this.#settled < this.#incurred;
  }

  due(): Map<number, number> {
    return new Map(this.areOpen() ? [[this.slot, this.#incurred]] : []);
  }
}
