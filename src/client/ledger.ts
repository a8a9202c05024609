/**
 * What was handed to the present connection. A server that goes away says how many messages it took, in the reason of
 * its close; those behind them were under way, are read by nobody, and can be sent again without being there twice.
 */
import { type QueueLimits, sizeOf, type Waiting } from "./queue.ts";

export class Ledger<Message> {
  readonly #limits: QueueLimits;
  #total = 0;
  /** The youngest, as far as the limits allow; undefined for messages that belong to one connection only. */
  #entries: (Waiting<Message> | undefined)[] = [];
  #bytes = 0;
  #start = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** @param entry undefined for what must not be sent again */
  add(entry: Waiting<Message> | undefined): void {
    this.#total++;
    this.#entries.push(entry);
    this.#bytes += entry === undefined ? 0 : sizeOf(entry.payload);
    const { messages, bytes } = this.#limits;
    while (this.#entries.length - this.#start > messages || this.#bytes > bytes) {
      const oldest = this.#entries[this.#start++];
      this.#bytes -= oldest === undefined ? 0 : sizeOf(oldest.payload);
    }
    if (this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  /** Ends the count. @returns what the server has not taken, oldest first, as far as it is known */
  close(code: number, reason: string): Waiting<Message>[] {
    const taken = code === 1001 ? / received (\d{1,15})$/.exec(reason)?.[1] : undefined;
    const missing = taken === undefined ? 0 : Math.max(0, this.#total - Number(taken));
    const known = this.#entries.slice(this.#start);
    const lost = missing === 0 ? [] : known.slice(-missing);
    this.#total = 0;
    this.#entries = [];
    this.#bytes = 0;
    this.#start = 0;
    return lost.filter((entry) => entry !== undefined);
  }
}
