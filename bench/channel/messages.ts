/** What is sent, and the clock that both processes share. 100 bytes as JSON, whoever carries it. */
import { loadCore } from "../../src/native/load.ts";

export interface Message {
  /** When it was sent, on the shared clock, in whole microseconds. */
  readonly sent: number;
  readonly user: string;
  readonly action: string;
  readonly detail: string;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const core = loadCore("zig", silent);
const clock = core.openSegment({ descriptor: undefined, slot: 0 });

export const latencyRate = 10_000;

/** Microseconds on the clock of the machine. */
export function now(): number {
  return Math.floor(clock.now() / 1e3);
}

export function makeMessage(): Message {
  // As many digits as the time of a machine that runs for more than a day.
  const sent = now() + 1e12;
  made++;
  return {
    sent,
    user: "b5cf8a2e-7a",
    action: "page-view",
    detail: "/products/4711?page=2&so",
  };
}

/** Microseconds since it was sent. */
export function latencyOf({ sent }: Message): number {
  return now() + 1e12 - sent;
}

let made = 0;

/** What the sender says last. */
export function makeEnd(): End {
  return { total: made };
}

/** As many per second as asked for, in the bursts that timers of a millisecond make of it. */
export async function paced(seconds: number, rate: number, send: () => unknown): Promise<void> {
  const begin = performance.now();
  let done = 0;
  for (let passed = 0; passed < seconds * 1e3; passed = performance.now() - begin) {
    for (; done < (passed / 1e3) * rate; done++) await send();
    await Bun.sleep(1);
  }
}

/** The last message: how many came before it. */
export interface End {
  readonly total: number;
}

export interface Result {
  messagesPerSecond: number;
  p50Microseconds: number;
  p99Microseconds: number;
}

/** Counts and times what arrives, without what came before the compiler was warm. */
export class Meter {
  readonly #latencies: number[] = [];
  readonly #warmUp: number;
  #count = 0;
  #begin = 0;

  constructor(warmUpMessages: number) {
    this.#warmUp = warmUpMessages;
  }

  add(message: Message): void {
    if (++this.#count === this.#warmUp) this.#begin = performance.now();
    if (this.#count > this.#warmUp) this.#latencies.push(latencyOf(message));
  }

  /** @throws Error if anything was lost on the way: such a figure would be of something else */
  result({ total }: End): Result {
    if (this.#count !== total) throw new Error(`${this.#count} of ${total} messages arrived`);
    const seconds = (performance.now() - this.#begin) / 1e3;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return {
      messagesPerSecond: sorted.length / seconds,
      p50Microseconds: at(0.5),
      p99Microseconds: at(0.99),
    };
  }
}
