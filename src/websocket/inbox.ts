/** Messages that wait for a handler which reads them, bounded: when it is full, the client is not read any more. */

/** On top of these come the frames of one read of the connection: they are here already when Bun is told to wait. */
const messages_max = 64;

export class Inbox implements AsyncIterableIterator<unknown> {
  readonly #onPace: () => void;
  #messages: unknown[] = [];
  #next: PromiseWithResolvers<IteratorResult<unknown>> | undefined;
  #isFull = false;
  #isOver = false;

  /** @param onPace called when `isFull` has changed */
  constructor(onPace: () => void) {
    this.#onPace = onPace;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  push(message: unknown): void {
    const waiting = this.#next;
    if (waiting !== undefined) {
      this.#next = undefined;
      return waiting.resolve({ done: false, value: message });
    }
    this.#messages.push(message);
    if (this.#isFull || this.#messages.length < messages_max) return;
    this.#isFull = true;
    this.#onPace();
  }

  /** What came before the end can still be read. */
  end(): void {
    this.#isOver = true;
    this.#next?.resolve({ done: true, value: undefined });
    this.#next = undefined;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#messages.length > 0) {
      const value = this.#messages.shift();
      // Half, so that a handler that keeps up does not stop and start its client with every message.
      if (this.#isFull && this.#messages.length <= messages_max / 2) {
        this.#isFull = false;
        this.#onPace();
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    if (this.#next !== undefined)
      throw new TypeError("the messages of a socket are read by one loop at a time");
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
