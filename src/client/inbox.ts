/** Messages between a connection, which cannot be told to wait, and a reader. Bounded: a reader that is too slow fails. */
export class Inbox<Message> implements AsyncIterableIterator<Message> {
  readonly #limit: number;
  readonly #onReturn: (inbox: Inbox<Message>) => void;
  #messages: Message[] = [];
  #waiting: ((result: Promise<IteratorResult<Message>> | IteratorResult<Message>) => void)[] = [];
  #failure: Error | undefined;
  #hasEnded = false;

  constructor(limit: number, onReturn: (inbox: Inbox<Message>) => void) {
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  push(message: Message): void {
    if (this.#hasEnded) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) return reader({ value: message, done: false });
    if (this.#messages.length < this.#limit) return void this.#messages.push(message);
    // Nothing in between is skipped: what is here is read, and then comes the error.
    this.#failure = new RangeError(`more than ${this.#limit} messages wait for their reader`);
    this.end();
  }

  end(): void {
    this.#hasEnded = true;
    for (const reader of this.#waiting.splice(0)) reader({ value: undefined, done: true });
  }

  /** What waits here, for a reader of another kind, and whether something is missing behind it. */
  handOver(): { messages: Message[]; failure: Error | undefined } {
    return { messages: this.#messages.splice(0), failure: this.#failure };
  }

  next(): Promise<IteratorResult<Message>> {
    if (this.#messages.length > 0)
      return Promise.resolve({ value: this.#messages.shift()!, done: false });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#hasEnded) return Promise.resolve({ value: undefined, done: true });
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Message>>();
    this.#waiting.push(resolve);
    return promise;
  }

  return(): Promise<IteratorResult<Message>> {
    this.#messages = [];
    this.#failure = undefined;
    this.#onReturn(this);
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
