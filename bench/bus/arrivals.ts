/** What one listener hears of the others: every message of each publisher, once and in order, or there is no figure. */
import { now } from "../channel/messages.ts";

export interface Heard {
  readonly perSecond: number;
  /** Microseconds. */
  readonly latencies: readonly number[];
}

/** 100 characters, all of them single bytes. */
export function makeText(publisher: number, number: number, sent: number): string {
  return `${publisher}:${number}:${sent}:`.padEnd(100, "x");
}

export class Arrivals {
  readonly #next = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #warmUp: number;
  readonly #keeps: number;
  readonly #complete = Promise.withResolvers<void>();
  #count = 0;
  #ended = 0;
  #expected = Infinity;
  #begin = 0;
  #end = 0;

  /** @param keeps one latency of so many is kept */
  constructor({ warmUp, keeps }: { readonly warmUp: number; readonly keeps: number }) {
    this.#warmUp = warmUp;
    this.#keeps = keeps;
  }

  /** @throws Error for a message that is lost, repeated or out of order */
  add(text: string): void {
    const [publisher = "", number = "", rest = ""] = text.split(":", 3);
    const next = this.#next.get(publisher) ?? 0;
    if (number === "end") return this.#finish(publisher, Number(rest), next);
    if (Number(number) !== next)
      this.#fail(`${number} of publisher ${publisher} came, not ${next}`);
    this.#next.set(publisher, next + 1);
    if (++this.#count === this.#warmUp) this.#begin = performance.now();
    if (this.#count > this.#warmUp && this.#count % this.#keeps === 0)
      this.#latencies.push(now() - Number(rest));
  }

  complete(publishers: number): Promise<void> {
    this.#expected = publishers;
    this.#check();
    return this.#complete.promise;
  }

  heard(): Heard {
    const seconds = (this.#end - this.#begin) / 1e3;
    const perSecond = Math.max(0, this.#count - this.#warmUp) / seconds;
    return { perSecond, latencies: this.#latencies };
  }

  #finish(publisher: string, total: number, heard: number): void {
    if (total !== heard) this.#fail(`${heard} of ${total} of publisher ${publisher} arrived`);
    this.#ended++;
    this.#end = performance.now();
    this.#check();
  }

  #check(): void {
    if (this.#ended >= this.#expected) this.#complete.resolve();
  }

  #fail(reason: string): void {
    this.#complete.reject(new Error(reason));
  }
}
