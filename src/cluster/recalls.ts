/**
 * What others have kept of topics, asked for by a listener that has only just started: event streams that come back to it
 * after a reload go on where they ended. One history after the other is on its way, so that they do not take the room of
 * messages.
 */

/**
 * What came here before the topic was known to be followed was let go, and may still be on its way to a listener that is
 * busy: so it is asked a moment later.
 */
const settle_ms = 20;

interface Recall {
  readonly slot: number;
  readonly topic: string;
}

export class Recalls {
  /** @returns false if the listener is not there any more */
  readonly #ask: (slot: number, topic: string) => boolean;
  #waiting: Recall[] = [];
  #asked: Recall | undefined;
  #timer: Timer | undefined;
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
    for (const topic of topics) this.#waiting.push({ slot, topic });
    if (topics.length === 0 || this.#asked !== undefined || this.#timer !== undefined) return;
    this.#idle = Promise.withResolvers();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#next();
    }, settle_ms);
  }

  /** @returns false for an answer that was not asked for, or no longer */
  answered(slot: number, topic: string): boolean {
    if (this.#asked?.slot !== slot || this.#asked.topic !== topic) return false;
    this.#next();
    return true;
  }

  /** A listener is gone, and its answers with it. */
  forget(slot: number): void {
    this.#waiting = this.#waiting.filter((it) => it.slot !== slot);
    if (this.#asked?.slot === slot) this.#next();
  }

  #next(): void {
    do this.#asked = this.#waiting.shift();
    while (this.#asked !== undefined && !this.#ask(this.#asked.slot, this.#asked.topic));
    if (this.#asked === undefined) this.#idle.resolve();
  }
}
