/**
 * Streamed bodies, with back-pressure: the next value is asked for when the client has taken the last.
 *
 * Whatever ends a stream (its source, an error, a client that leaves, a server that drains) ends it once: timers
 * stop, and the source's `return()` runs, hence the `finally` of a generator.
 */
import type { Audience } from "./audience.ts";

/** How values become bytes, and how the stream behaves. */
export interface StreamForm {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  encode(value: unknown): Uint8Array;
  /** Sent before the first value: Bun keeps the head back until there is content. */
  readonly opening?: Uint8Array;
  /** Sent when nothing else was for so many seconds. */
  readonly heartbeat?: { readonly seconds: number; readonly bytes: Uint8Array };
  /** Default `slow_reader_seconds`. */
  readonly idleTimeout?: number;
  /** Whether a server that drains ends the stream. Default false: it is waited for, up to the deadline. */
  readonly endsOnDrain?: boolean;
  /** Called once, when the stream is over, before the source is told. */
  onOver?(): void;
}

/** A value that is streamed in a form of its own: what `sse()` and `jsonLines()` return. */
export abstract class StreamedValue implements AsyncIterable<unknown> {
  /** @internal */
  abstract toResponse(status: number, audience: Audience | undefined): Response;
  /** The values as they were given. */
  abstract [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

/**
 * Bun's default of 10 s cuts readers that are merely slow: the buffers of the connection take megabytes at once,
 * and time runs while they empty. The longest that Bun takes lets 50 KB/s and less through, and is an end.
 */
export const slow_reader_seconds = 255;

/** Bun keeps the timeout of a request for the idle connection after it, so it is put back to the default. */
const idle_seconds = 10;

const plainForm = (type: string): StreamForm => ({ type, encode: toBytes });

/** Answers with a stream: bytes and strings from an async iterable or a `ReadableStream`, or a `StreamedValue`. */
export function streamResponse(
  source: AsyncIterable<unknown> | ReadableStream,
  type: string,
  status: number,
  audience: Audience | undefined,
): Response {
  if (source instanceof StreamedValue) return source.toResponse(status, audience);
  const iterator =
    source instanceof ReadableStream ? iterate(source) : source[Symbol.asyncIterator]();
  return responseOf(iterator, plainForm(type), status, audience);
}

/** A body of strings and bytes, with back-pressure, for answers that have a head of their own. */
export function streamOf(
  source: AsyncIterable<unknown>,
  audience?: Audience,
): ReadableStream<Uint8Array> {
  return bodyOf(source[Symbol.asyncIterator](), plainForm(""), audience);
}

/** @internal */
export function responseOf(
  iterator: AsyncIterator<unknown>,
  form: StreamForm,
  status: number,
  audience: Audience | undefined,
): Response {
  audience?.setIdleTimeout(form.idleTimeout ?? slow_reader_seconds);
  const headers = { "content-type": form.type, ...form.headers };
  return markStreamed(new Response(bodyOf(iterator, form, audience), { status, headers }));
}

function bodyOf(
  iterator: AsyncIterator<unknown>,
  form: StreamForm,
  audience: Audience | undefined,
): ReadableStream<Uint8Array> {
  // With the default strategy a value would be asked for before anybody reads.
  return new ReadableStream(new Pump(iterator, form, audience), { highWaterMark: 0 });
}

const streamed = new WeakSet<Response>();

/** Remembers that the body is a stream: a `Response` does not tell, and looking would consume a part of it. */
export function markStreamed(response: Response): Response {
  streamed.add(response);
  return response;
}

export function isStreamed(response: Response): boolean {
  return streamed.has(response);
}

class Pump implements Bun.UnderlyingSource<Uint8Array> {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #form: StreamForm;
  readonly #audience: Audience | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timer: Timer | undefined;
  #isQuiet = false;
  #isOver = false;

  constructor(iterator: AsyncIterator<unknown>, form: StreamForm, audience: Audience | undefined) {
    this.#iterator = iterator;
    this.#form = form;
    this.#audience = audience;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#controller === undefined && this.#begin(controller)) return;
    try {
      const { done, value } = await this.#iterator.next();
      if (this.#isOver) return;
      if (done === true) return this.#close();
      controller.enqueue(this.#form.encode(value));
      this.#isQuiet = false;
    } catch (error) {
      if (this.#isOver) return;
      this.#over();
      // A value that cannot be encoded leaves its source waiting.
      void this.#release();
      controller.error(this.#audience === undefined ? error : this.#audience.failed(error));
    }
  }

  async cancel(): Promise<void> {
    if (this.#isOver) return;
    this.#over();
    await this.#release();
  }

  /** On the first read, not before: a response that is dropped unread leaves nothing behind. @returns true if it sent something */
  #begin(controller: ReadableStreamDefaultController<Uint8Array>): boolean {
    this.#controller = controller;
    if (this.#audience?.request.method === "HEAD") {
      void this.#end();
      return true;
    }
    const { opening, heartbeat, endsOnDrain } = this.#form;
    if (heartbeat !== undefined) {
      this.#timer = setInterval(() => this.#beat(heartbeat.bytes), heartbeat.seconds * 1_000);
      this.#timer.unref();
    }
    if (endsOnDrain === true && this.#audience?.openStreams.add(this.#end) === false) {
      void this.#end();
      return true;
    }
    if (opening !== undefined) controller.enqueue(opening);
    return opening !== undefined;
  }

  /** Skipped while a chunk waits for the client: a reader that has stopped must not fill the memory. */
  #beat(bytes: Uint8Array): void {
    const waiting = (this.#controller?.desiredSize ?? 0) < 0;
    if (this.#isQuiet && !waiting) this.#controller?.enqueue(bytes);
    this.#isQuiet = true;
  }

  /** Ends the stream from outside: the client sees its end at once, the source gets time for its `return()`. */
  readonly #end = async (): Promise<void> => {
    if (this.#isOver) return;
    this.#close();
    await this.#release();
  };

  #close(): void {
    this.#over();
    this.#audience?.setIdleTimeout(idle_seconds);
    this.#controller?.close();
  }

  #over(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#audience?.openStreams.remove(this.#end);
    this.#form.onOver?.();
  }

  /** The source may fail here too, in a `finally` or a `cancel()`; nobody but the log is left to be told. */
  async #release(): Promise<void> {
    try {
      await this.#iterator.return?.();
    } catch (error) {
      this.#audience?.failed(error);
    }
  }
}

/** A reader as iterator: the one that streams have themselves costs a third more per chunk. */
function iterate(stream: ReadableStream): AsyncIterator<unknown> {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return { done, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

const encoder = new TextEncoder();

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(`a streamed answer yielded a ${typeof chunk}; it takes strings and bytes`);
}
