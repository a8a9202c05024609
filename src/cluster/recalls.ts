/**
 * What others have kept of topics, asked for by a listener that has only just started: event streams that come back to it
 * after a reload go on where they ended. One history after the other is on its way, so that they do not take the room of
 * messages.
 */

interface Recall {
  readonly slot: number;
  readonly topic: string;
}

export class Recalls {
  /** @returns false if the listener is not there any more */
  readonly #ask: (slot: number, topic: string) => boolean;
  /** The first has been asked for. */
  #waiting: Recall[] = [];
  #idle = Promise.withResolvers<void>();

  constructor(ask: (slot: number, topic: string) => boolean) {
    this.#ask = ask;
    this.#idle.resolve();
  }

  /** Resolves when nothing is waited for. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  add(slot: number, topics: readonly string[]): void {
    const isIdle = this.#waiting.length === 0;
    for (const topic of topics) this.#waiting.push({ slot, topic });
    if (!isIdle || topics.length === 0) return;
    this.#idle = Promise.withResolvers();
    this.#next();
  }

  /** @returns false for an answer that was not asked for, or no longer */
  answered(slot: number, topic: string): boolean {
    const [first] = this.#waiting;
    if (first?.slot !== slot || first.topic !== topic) return false;
    this.#waiting.shift();
    this.#next();
    return true;
  }

  /** A listener is gone, and its answers with it. */
  forget(slot: number): void {
    const [first] = this.#waiting;
    this.#waiting = this.#waiting.filter((it) => it.slot !== slot);
    if (first?.slot === slot) this.#next();
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#ask(first.slot, first.topic)) return;
      this.#waiting.shift();
    }
    this.#idle.resolve();
  }
}
