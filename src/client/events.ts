/**
 * Server-sent events over `fetch`: the same in pages and in Bun, with headers, which `EventSource` has not. They are
 * read as they are asked for, so a slow reader slows the server down instead of filling memory.
 */
import { Backoff } from "./backoff.ts";
import { Emitter } from "./emitter.ts";
import type { Environment } from "./environment.ts";
import { EventParser, type RawEvent } from "./event-parser.ts";
import { checkNames, checkSeconds, reconnectOf, type ReconnectOptions } from "./options.ts";
import { after_ms_max, pauseOf, responseOf, StreamError } from "./stream-response.ts";
import type { OrComputed, PlainQuery, Scalar } from "./types.ts";

export interface ClientEvent<Data = string> {
  /** `message`, unless the server named it. */
  readonly event: string;
  readonly data: Data;
  /** The last id that the server gave, `""` for none. */
  readonly id: string;
}

export interface EventsOptions<Data = string> {
  readonly params?: Readonly<Record<string, Scalar>>;
  readonly query?: OrComputed<PlainQuery>;
  /** A function is asked before every request. */
  readonly headers?: OrComputed<Readonly<Record<string, string>>>;
  /** Where to go on, as `lastEventId` of an earlier stream said. */
  readonly lastEventId?: string;
  /** Makes what the reader gets out of the text. What it throws, the reader gets. Default: the text itself. */
  readonly parse?: (data: string, event: string) => Data;
  readonly reconnect?: Omit<ReconnectOptions, "stopOn"> | false;
  /** Seconds without a byte after which the connection is taken for dead. Default 45; the server sends a comment every 8. */
  readonly timeout?: number;
  /** Characters of the largest event. Default 1,048,576. */
  readonly limit?: number;
  /** Ends the stream, as `close()` does. */
  readonly signal?: AbortSignal;
  /** Instead of the global one, for instance with `credentials`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** What can be listened to; the events themselves are iterated over. */
export interface StreamEvents {
  open: { readonly again: boolean };
  /** The next request is sent in so many seconds. */
  reconnect: { readonly failures: number; readonly seconds: number; readonly error: unknown };
}

const names = {
  params: true,
  query: true,
  headers: true,
  lastEventId: true,
  parse: true,
  reconnect: true,
  timeout: true,
  limit: true,
  signal: true,
  fetch: true,
} as const satisfies Readonly<Record<keyof EventsOptions, true>>;

export class ClientEvents<Data> implements AsyncIterable<ClientEvent<Data>>, Disposable {
  readonly #url: () => string | Promise<string>;
  readonly #options: EventsOptions<Data>;
  readonly #parse: (data: string, event: string) => Data;
  readonly #environment: Environment;
  readonly #backoff: Backoff;
  readonly #over = new AbortController();
  readonly #emitter = new Emitter<StreamEvents>({ open: new Set(), reconnect: new Set() });
  #lastEventId: string;
  #retry_ms = 0;
  #hasOpened = false;
  #isRead = false;

  /** @internal */
  constructor(
    url: () => string | Promise<string>,
    options: EventsOptions<Data>,
    parse: (data: string, event: string) => Data,
    environment: Environment,
  ) {
    checkNames("events()", options, names);
    const { lastEventId = "", signal, reconnect, timeout = 45 } = options;
    checkSeconds("timeout", timeout);
    this.#url = url;
    this.#options = options;
    this.#parse = parse;
    this.#environment = environment;
    this.#lastEventId = lastEventId;
    this.#backoff = new Backoff(reconnectOf(reconnect), () => environment.random());
    if (signal?.aborted === true) this.close();
    const over = this.#over.signal;
    signal?.addEventListener("abort", () => this.close(), { once: true, signal: over });
  }

  /** Of the last event that was read; with it, another stream goes on from here. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /** @returns what takes the listener away again */
  on<Name extends keyof StreamEvents>(
    name: Name,
    listener: (event: StreamEvents[Name]) => void,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /** For good; the iteration ends. */
  close(): void {
    this.#over.abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Connects, and comes back after the last event when the stream ends or breaks. Leaving the loop disconnects, another
   * one goes on from there. Ends with `close()` and with a 204.
   *
   * @throws StreamError where the server refuses, or after too many failures
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ClientEvent<Data>, void, undefined> {
    if (this.#isRead) throw new TypeError("the stream is being read already");
    this.#isRead = true;
    try {
      while (!this.#over.signal.aborted) {
        const error = yield* this.#connection();
        if (error === "finished" || this.#over.signal.aborted) return;
        await this.#pause(error);
      }
    } finally {
      this.#isRead = false;
    }
  }

  /** One connection. @returns why it ended. @throws StreamError, what `parse` throws */
  async *#connection(): AsyncGenerator<ClientEvent<Data>, unknown, undefined> {
    const request = new AbortController();
    const abort = () => request.abort();
    this.#over.signal.addEventListener("abort", abort);
    try {
      let events: AsyncIterator<RawEvent>;
      try {
        const response = await this.#inTime(request, () => this.#request(request.signal));
        if (response === undefined) return "finished";
        this.#emitter.emit("open", { again: this.#hasOpened });
        this.#hasOpened = true;
        events = this.#read(response, request);
      } catch (error) {
        if (error instanceof StreamError && error.isFinal && !this.#over.signal.aborted)
          throw error;
        return error;
      }
      for (;;) {
        const next = await settled(events.next());
        if ("error" in next) return next.error;
        if (next.result.done === true) return new StreamError(200, "the stream ended");
        this.#backoff.reset();
        const { event, data, id } = next.result.value;
        this.#lastEventId = id;
        yield { event, data: this.#parse(data, event), id };
      }
    } finally {
      this.#over.signal.removeEventListener("abort", abort);
      request.abort();
    }
  }

  async #request(signal: AbortSignal): Promise<Response | undefined> {
    const { headers = {}, fetch = this.#environment.fetch } = this.#options;
    const url = await this.#url();
    const all = new Headers(typeof headers === "function" ? await headers() : headers);
    all.set("accept", "text/event-stream");
    if (this.#lastEventId !== "") all.set("last-event-id", utf8(this.#lastEventId));
    return await responseOf(await fetch(url, { headers: all, cache: "no-store", signal }));
  }

  async *#read(response: Response, request: AbortController): AsyncGenerator<RawEvent> {
    const parser = new EventParser(this.#lastEventId, this.#options.limit ?? 1_048_576);
    const reader = response.body?.getReader();
    for (;;) {
      const piece = await this.#inTime(request, () => reader?.read());
      if (piece === undefined || piece.done) return;
      yield* parser.push(piece.value);
      if (parser.lastEventId !== undefined) this.#lastEventId = parser.lastEventId;
      if (parser.retry !== undefined) this.#retry_ms = Math.min(parser.retry, after_ms_max);
    }
  }

  /** The time of a reader who does something else does not count. */
  async #inTime<Value>(request: AbortController, step: () => Value): Promise<Awaited<Value>> {
    const silence = new StreamError(0, "no answer");
    const cancel = this.#environment.later(
      () => request.abort(silence),
      (this.#options.timeout ?? 45) * 1_000,
    );
    try {
      return await step();
    } finally {
      cancel();
    }
  }

  async #pause(error: unknown): Promise<void> {
    const wait_ms = this.#backoff.next();
    if (wait_ms === undefined)
      throw error instanceof StreamError ? error : new StreamError(0, "no connection", error);
    const total_ms = Math.max(this.#retry_ms, pauseOf(error)) + wait_ms;
    const { failures } = this.#backoff;
    this.#emitter.emit("reconnect", { failures, seconds: total_ms / 1_000, error });
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#environment.later(resolve, total_ms);
    const over = this.#over.signal;
    const wake = () => resolve();
    over.addEventListener("abort", wake);
    if (over.aborted) resolve();
    await promise;
    over.removeEventListener("abort", wake);
    cancel();
  }
}

async function settled<Value>(
  promise: Promise<Value>,
): Promise<{ result: Value } | { error: unknown }> {
  try {
    return { result: await promise };
  } catch (error) {
    return { error };
  }
}

/** Headers hold bytes, and an id is sent as UTF-8 (WHATWG HTML §9.2.3). */
function utf8(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
