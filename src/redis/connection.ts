/**
 * The way to one Redis: a connection for commands and one for subscriptions, which live and die together. Who loses them
 * is told, and they are made anew, with growing pauses, until it works.
 *
 * Bun could reconnect and keep commands meanwhile. It is not asked to: it gives up after some attempts, it bounds what
 * waits by nothing, and a peer that is silent without being closed (a cut cable) it does not notice.
 */
import type { Logger } from "../logger.ts";
import type { RedisSettings } from "./options.ts";
import { close, connect, makePair, type Pair, within } from "./pair.ts";

export interface ConnectionOptions {
  readonly url: string;
  readonly settings: RedisSettings;
  readonly logger: Logger;
  /** Names what nobody else listens to: signs of life of this connection come back there. */
  readonly inbox: string;
  /** Listened to as well. */
  readonly channel: string;
  readonly onMessage: (text: string) => void;
  /** Both are there, and hear. */
  readonly onUp: () => void;
  /** Called between two signs of life. */
  readonly onBeat: () => void;
}

/** Comes back to who sent it. No message of the application begins like this. */
const echo = "!";
const silentBeats_max = 3;
const pause_ms_first = 50;
const pause_ms_max = 5_000;
/** Those that count where a connection was made and has given no sign of life: pauses are 200 ms at most then. */
const attempts_max_made = 2;

export class Connection {
  readonly #options: ConnectionOptions;
  #pair: Pair | undefined;
  /** Bytes that Redis has not acknowledged. Bun's `bufferedAmount` stays 0 while a stopped server reads nothing. */
  #waiting = 0;
  #unanswered = 0;
  #isLate = false;
  #isClosed = false;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #beat: ReturnType<typeof setInterval>;
  /** How many times it has been made. */
  epoch = 0;
  /** Which server it leads to: another number after every start of it. Empty: it does not say. */
  server = "";
  failures = 0;
  dropped = 0;
  /** Replies, whatever they said. */
  answers = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#beat = setInterval(() => this.#onBeat(), options.settings.heartbeat);
    this.#beat.unref();
  }

  get isUp(): boolean {
    return this.#pair !== undefined;
  }

  /** Resolves after the first attempt, whatever became of it. */
  async open(): Promise<void> {
    const { url, settings, inbox, channel } = this.#options;
    const pair = makePair(url, settings);
    try {
      const receive = (text: string) => this.#receive(text);
      const server = await connect(pair, settings.timeout, [channel, inbox], receive);
      if (this.#isClosed) return close(pair);
      this.server = server;
      this.#take(pair);
    } catch (error) {
      close(pair);
      if (!this.#isClosed) this.#failed(error);
    }
  }

  /** Not waited for. @returns false if it was dropped */
  send(command: string, args: string[]): boolean {
    const posted = this.post(command, args);
    posted?.catch(() => {});
    return posted !== undefined;
  }

  /** For who wants to know what became of it. @returns undefined if it was dropped: more than `room` would wait */
  post(
    command: string,
    args: string[],
    room: number = this.#options.settings.buffer,
  ): Promise<unknown> | undefined {
    const pair = this.#pair;
    const size = bytesOf(args);
    if (pair !== undefined && this.#waiting + size <= room)
      return this.#run(pair, command, args, size);
    this.dropped++;
    return undefined;
  }

  /** Whether an answer is likely in time: the last one was. */
  get isPrompt(): boolean {
    return this.#pair !== undefined && !this.#isLate;
  }

  /** @returns the answer; rejects if there is none within the time limit */
  async ask(
    command: string,
    args: string[],
    limit_ms: number = this.#options.settings.timeout,
  ): Promise<unknown> {
    const pair = this.#pair;
    if (pair === undefined) throw new Error("there is no connection");
    const size = bytesOf(args);
    return await within(limit_ms, this.#run(pair, command, args, size), () => {
      // Who has less patience than others says nothing about the connection.
      if (limit_ms >= this.#options.settings.timeout) this.#isLate = true;
    });
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#beat);
    clearTimeout(this.#retry);
    const pair = this.#pair;
    this.#pair = undefined;
    if (pair !== undefined) close(pair);
  }

  async #run(pair: Pair, command: string, args: string[], size: number): Promise<unknown> {
    this.#waiting += size;
    try {
      return await pair.commands.send(command, args);
    } finally {
      // Of connections that are gone nothing waits: the count began anew.
      if (pair === this.#pair) {
        this.#waiting -= size;
        this.#isLate = false;
        this.answers++;
      }
    }
  }

  #take(pair: Pair): void {
    this.#pair = pair;
    this.epoch++;
    this.#waiting = 0;
    this.#unanswered = 0;
    this.#isLate = false;
    this.#attempts = Math.min(this.#attempts, attempts_max_made);
    const onclose = (error: Error) => this.#lost(pair, error);
    pair.commands.onclose = onclose;
    pair.listener.onclose = onclose;
    this.#options.onUp();
  }

  #lost(pair: Pair, error: unknown): void {
    if (this.#pair !== pair) return;
    this.#pair = undefined;
    close(pair);
    this.#failed(error);
  }

  /** Logged once per outage: an outage must not fill the disk, too. */
  #failed(error: unknown): void {
    this.failures++;
    if (this.#attempts === 0) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.logger.warn(`redis: no connection (${why}); this cluster goes on alone`);
    }
    const most = Math.min(pause_ms_max, pause_ms_first * 2 ** this.#attempts++);
    // Listeners that lost it together do not come back together.
    this.#retry = setTimeout(() => void this.open(), most * (0.5 + Math.random() / 2));
    this.#retry.unref();
  }

  #receive(text: string): void {
    if (text === echo) this.#lives();
    else this.#options.onMessage(text);
  }

  /** An outage ends here, not with a connection: one that is cut again and again would fill the log. */
  #lives(): void {
    this.#unanswered = 0;
    if (this.#attempts === 0) return;
    this.#attempts = 0;
    this.#options.logger.info("redis: connected again");
  }

  /** Counted in beats, not in seconds: a process that hung has not heard because it did not listen. */
  #onBeat(): void {
    const pair = this.#pair;
    if (pair !== undefined) {
      if (this.#unanswered >= silentBeats_max) {
        this.#lost(pair, new Error("it gives no answer"));
      } else {
        this.#unanswered++;
        this.#run(pair, "PUBLISH", [this.#options.inbox, echo], 0).catch(() => {});
      }
    }
    this.#options.onBeat();
  }
}

function bytesOf(args: readonly string[]): number {
  return args.reduce((sum, it) => sum + Buffer.byteLength(it), 0);
}
