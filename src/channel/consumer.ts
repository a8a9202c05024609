/**
 * The receiving end of a channel in one listener: asks to be the consumer, waits for messages, gathers a batch, and
 * acknowledges it when the next one is asked for.
 */
import type { ReceivingEnd } from "../native/core.ts";
import { Bell, safetyPoll_ms } from "./doorbell.ts";

export interface ConsumerOptions<Message> {
  readonly port: ReceivingEnd<Message>;
  readonly batch: number;
  readonly delay: number;
  readonly ring: (slot: number) => void;
  /** Whether the process stays alive for it. */
  readonly keepsAlive: boolean;
}

export class Consumer<Message> {
  readonly #options: ConsumerOptions<Message>;
  readonly #bell = new Bell();
  readonly #ended = Promise.withResolvers<void>();
  #stopping = false;
  #over = false;
  #handedOut = false;

  constructor(options: ConsumerOptions<Message>) {
    this.#options = options;
  }

  /** Resolves when it has let go. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  wake(): void {
    this.#bell.ring();
  }

  /** From now on `next` goes on only until another listener takes over, or nothing is left where there is none. */
  stop(): void {
    this.#stopping = true;
    this.#bell.ring();
  }

  /**
   * Acknowledges the batch before and waits for one: until it is full, or `delay` has passed since its first message.
   *
   * @returns undefined when it is over.
   */
  async next(): Promise<Message[] | undefined> {
    const { port, batch, keepsAlive } = this.#options;
    if (this.#handedOut) this.#acknowledge();
    // A channel that is never empty would keep all else in this process from running.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      if (this.#over || (this.#stopping && this.#leaves())) {
        this.end();
        return undefined;
      }
      if (!port.lease()) {
        await this.#bell.rung(safetyPoll_ms, keepsAlive);
        continue;
      }
      const messages = port.take(batch);
      if (messages.length > 0) {
        this.#handedOut = true;
        await this.#gather(messages);
        return messages;
      }
      if (!this.#stopping && port.maySleep()) await this.#bell.rung(safetyPoll_ms, keepsAlive);
    }
  }

  /** While it stops: the batch was not handled. Somebody else gets it, or `next` gives it out again where nobody takes over. */
  giveBack(): void {
    this.#handedOut = false;
  }

  /** Lets go. A batch that was not acknowledged is delivered again, to whoever comes next. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      this.#release();
    } finally {
      this.#ended.resolve();
      this.#bell.ring();
    }
  }

  #acknowledge(): void {
    this.#handedOut = false;
    for (const slot of this.#options.port.acknowledge()) this.#options.ring(slot);
  }

  async #gather(messages: Message[]): Promise<void> {
    const { port, batch, delay, keepsAlive } = this.#options;
    const end = performance.now() + delay;
    while (messages.length < batch) {
      const more = port.take(batch - messages.length);
      for (const message of more) messages.push(message);
      if (more.length > 0) continue;
      const rest = end - performance.now();
      if (rest <= 0 || this.#stopping) return;
      // Senders ring a sleeping consumer for the first message. To be rung for each one while a batch fills would cost
      // more than to look now and then, and nobody sleeps for longer than the delay here.
      await this.#bell.rung(Math.min(rest, Math.max(1, Math.min(25, delay / 8))), keepsAlive);
    }
  }

  #release(): void {
    for (const slot of this.#options.port.release()) this.#options.ring(slot);
  }

  /**
   * Whether somebody else takes over, or nothing is left. Lets go first and looks then: of two that stop at the same time
   * and look first, each could take the other for the one who stays.
   */
  #leaves(): boolean {
    const { port } = this.#options;
    this.#release();
    return port.hasRival() || port.isEmpty();
  }
}
