/** What the writers of the kill test and its judge agree on. */
import type { RateWindow } from "../../src/native/core.ts";

const hour_ns = 3.6e12;

export const keysCount = 200;

/** The first lasts to the end; the second is soon spent, so decisions become refusals, some of them after a charge. */
export const windows: readonly RateWindow[] = [
  { identity: "wide", interval_ns: hour_ns, burst: 100_000 },
  { identity: "narrow", interval_ns: hour_ns, burst: 2_000 },
];

/** Its keys end at once, so entries change hands all the time around those that are counted. */
export const churnWindow: RateWindow = { identity: "churn", interval_ns: 1, burst: 1 };

/** Every second key is asked for the first window alone, so that charges go on. */
export function isAsked(window: number, key: number): boolean {
  return window === 0 || key % 2 === 0;
}

export const rowBytes = 4 * (2 + keysCount);

export interface Row {
  readonly words: Int32Array;
  /** Index of the key that is being decided plus one; 0: none. */
  readonly inFlight: number;
  readonly isReady: number;
  /** Where the count of a key stands. */
  allowed(key: number): number;
}

export function rowOf(bytes: Uint8Array, row: number): Row {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + row * rowBytes, rowBytes / 4);
  return { words, inFlight: 0, isReady: 1, allowed: (key) => 2 + key };
}
