/** What the writers of the kill test and its judge agree on. */
import type { RateWindow } from "../../src/native/core.ts";

const hour_ns = 3.6e12;

/**
 * The first always has room, the second is soon spent; so where two writers race for its last unit, one of them has to
 * give the first window back.
 */
export const windows: readonly RateWindow[] = [
  { identity: "wide", interval_ns: hour_ns, burst: 100_000 },
  { identity: "narrow", interval_ns: hour_ns, burst: 1_500 },
];

/** Its keys end at once, so entries change hands all the time around those that are counted. */
export const churnWindow: RateWindow = { identity: "churn", interval_ns: 1, burst: 1 };

/** What the writers wrote down, in a mapped file that outlives them. */
export class Notes {
  /** Writers go from key to key together, so that they meet where a key is new and where it is spent. */
  static readonly #front = 0;
  static readonly #head = 1;
  readonly #words: Int32Array;
  readonly #keys: number;

  static bytes(rows: number, keys: number): number {
    return 4 * (Notes.#head + rows * (2 + keys));
  }

  constructor(bytes: Uint8Array, keys: number) {
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.#keys = keys;
  }

  get front(): number {
    return Atomics.load(this.#words, Notes.#front);
  }

  /** To the key after this one, unless somebody has gone there already. */
  advance(key: number): void {
    if (key + 1 < this.#keys) Atomics.compareExchange(this.#words, Notes.#front, key, key + 1);
  }

  isReady(row: number): boolean {
    return Atomics.load(this.#words, this.#at(row) + 1) === 1;
  }

  setReady(row: number): void {
    Atomics.store(this.#words, this.#at(row) + 1, 1);
  }

  /** The key that a row is deciding, or was when it was killed. */
  inFlight(row: number): number | undefined {
    const key = Atomics.load(this.#words, this.#at(row));
    return key === 0 ? undefined : key - 1;
  }

  setInFlight(row: number, key: number | undefined): void {
    Atomics.store(this.#words, this.#at(row), key === undefined ? 0 : key + 1);
  }

  /** How often this row passed with this key. */
  passed(row: number, key: number): number {
    return Atomics.load(this.#words, this.#at(row) + 2 + key);
  }

  pass(row: number, key: number): void {
    Atomics.add(this.#words, this.#at(row) + 2 + key, 1);
  }

  #at(row: number): number {
    return Notes.#head + row * (2 + this.#keys);
  }
}
