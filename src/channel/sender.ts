/** The sending end of a channel in one listener: who has to wait does so in a line, first come, first sent. */
import { type ChannelMessage, type ChannelPort, channelVerdict } from "../native/core.ts";
import { Queue, type Queued } from "../routing/queue.ts";
import { Bell, safetyPoll_ms } from "./doorbell.ts";

interface Waiter extends Queued<Waiter> {
  readonly message: ChannelMessage;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface SenderOptions {
  readonly port: ChannelPort;
  readonly ring: (slot: number) => void;
  readonly tooLarge: () => Error;
}

/** One for all: most sends need not wait. */
const sent = Promise.resolve();

export class Sender {
  readonly #options: SenderOptions;
  readonly #line = new Queue<Waiter>();
  readonly #bell = new Bell();
  #waiting = 0;
  /** Resolves when all that are being checked have been sent, or refused, or wait in the line. */
  #checks: Promise<void> | undefined;
  #watched = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Sends that wait in this listener. */
  get waiting(): number {
    return this.#waiting;
  }

  /** @returns false if there is no room, or others wait for it. */
  trySend(message: ChannelMessage): boolean {
    return this.#checks === undefined && this.#enter(message);
  }

  /** @param message a promise while it is checked: what is sent later does not overtake it */
  send(
    message: ChannelMessage | Promise<ChannelMessage>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const before = this.#checks;
    if (!(message instanceof Promise) && before === undefined) return this.#send(message, signal);
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    this.#checks = entered;
    const kept = message instanceof Uint8Array ? message.slice() : message;
    const sending = Promise.allSettled([kept, before]).then(([checked]) => {
      if (checked.status === "rejected") throw checked.reason;
      return { done: this.#send(checked.value, signal) };
    });
    const leave = () => {
      if (this.#checks === entered) this.#checks = undefined;
      enter();
    };
    sending.then(leave, leave);
    return sending.then(({ done }) => done);
  }

  #enter(message: ChannelMessage): boolean {
    return this.#line.first === undefined && this.#put(message);
  }

  #send(message: ChannelMessage, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#enter(message)) return sent;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Bytes may be used again by their owner, who has no reason to know that they still wait here.
    const kept = typeof message === "string" ? message : message.slice();
    const waiter: Waiter = {
      message: kept,
      resolve,
      reject,
      queue: undefined,
      previous: undefined,
      next: undefined,
    };
    this.#line.append(waiter);
    this.#waiting++;
    if (signal !== undefined) this.#abortable(waiter, signal, promise);
    if (!this.#watched) void this.#watch();
    return promise;
  }

  wake(): void {
    this.#bell.ring();
  }

  /** Sends what waits, each time there may be room, until nobody waits. */
  async #watch(): Promise<void> {
    this.#watched = true;
    try {
      for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
        if (this.#put(first.message)) {
          this.#leave(first);
          first.resolve();
        } else if (this.#options.port.mustWait(first.message)) {
          await this.#bell.rung(safetyPoll_ms, true);
        }
      }
    } catch (error) {
      // Nothing can be sent any more; whoever tries next is told the same.
      for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
        this.#leave(first);
        first.reject(error);
      }
    } finally {
      this.#watched = false;
    }
  }

  #put(message: ChannelMessage): boolean {
    const result = this.#options.port.send(message);
    if (result === channelVerdict.full) return false;
    if (result === channelVerdict.too_large) throw this.#options.tooLarge();
    if (result > 0) this.#options.ring(result - 1);
    return true;
  }

  #leave(waiter: Waiter): void {
    if (waiter.queue === undefined) return;
    this.#line.remove(waiter);
    this.#waiting--;
  }

  #abortable(waiter: Waiter, signal: AbortSignal, sending: Promise<void>): void {
    const onAbort = () => {
      this.#leave(waiter);
      waiter.reject(signal.reason);
      // Who watches for the first in line has to look whether there is one.
      this.#bell.ring();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const forget = () => signal.removeEventListener("abort", onAbort);
    sending.then(forget, forget);
  }
}
