/**
 * Whether the other side is still there. A connection whose peer vanished without a word looks open for many minutes.
 * One timer, not one per message: silence is noticed after one to two intervals.
 */
import type { Environment } from "./environment.ts";

export interface Pace {
  /** Seconds. */
  readonly interval: number;
  readonly timeout: number;
}

export class Heartbeat {
  readonly #pace: Pace;
  readonly #later: Environment["later"];
  readonly #ask: () => void;
  readonly #onDead: () => void;
  #heard = false;
  #cancel: () => void;

  constructor(pace: Pace, later: Environment["later"], ask: () => void, onDead: () => void) {
    this.#pace = pace;
    this.#later = later;
    this.#ask = ask;
    this.#onDead = onDead;
    this.#cancel = this.#listen();
  }

  /** Anything that came. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    this.#cancel();
  }

  #listen(): () => void {
    this.#heard = false;
    return this.#later(() => {
      this.#cancel = this.#heard ? this.#listen() : this.#await();
    }, this.#pace.interval * 1_000);
  }

  #await(): () => void {
    this.#ask();
    return this.#later(() => {
      if (this.#heard) this.#cancel = this.#listen();
      else this.#onDead();
    }, this.#pace.timeout * 1_000);
  }
}
