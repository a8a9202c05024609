/**
 * How long to wait before the next attempt: exponential back-off with full jitter (Brooker, "Exponential Backoff And
 * Jitter", AWS Architecture Blog 2015). Each wait is a random part of a time that doubles up to a limit, so clients that
 * lost one server together do not come back together.
 */
import type { Reconnect } from "./options.ts";

export class Backoff {
  readonly #options: Reconnect;
  readonly #random: () => number;
  #failures = 0;

  /** @param random 0 to 1 */
  constructor(options: Reconnect, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /**
   * @param atLeast doublings that are taken for made
   * @returns milliseconds to wait, or undefined when it is to be given up
   */
  next(atLeast = 0): number | undefined {
    const { first, most, attempts } = this.#options;
    if (this.#failures >= attempts) return undefined;
    const doublings = Math.max(this.#failures++, atLeast);
    // 2 ** 1024 is Infinity, and the limit wins.
    return this.#random() * Math.min(most, first * 2 ** doublings) * 1_000;
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Seconds that a connection must hold before its failures are forgotten: who accepts and closes is not well. */
export const stable_s = 5;

/** Doublings after 1013, "try again later": the server has too much to do. */
export const overloaded = 4;

/**
 * Close codes (RFC 6455 §7.4.1) of a server that is done with this client, or would be each time again: normal, protocol
 * error, data it does not take, policy, too big, extension missing. 1005 is a close without a code.
 */
export function isFinal(code: number): boolean {
  return finalCodes.includes(code);
}

const finalCodes: readonly number[] = [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010];
