/**
 * How large a body may be, per app and per route.
 *
 * `guardBody` runs before hooks and handler of every route that takes a body. By `Content-Length` it decides at once;
 * the framing is then Bun's business, no more bytes can come. Without one (chunked, or in process) it reads up to
 * the limit before anything else runs: whatever the handler does with such a body, ignore it, read its first chunk
 * or swallow the error, an oversized one is answered 413. Routes with `stream` are left to count while they read.
 */
import { HttpError } from "../errors.ts";
import type { FormOptions } from "./form-options.ts";

/** The limits of one route. `app` may still change when the server starts: flags and environment are read then. */
export interface RequestLimits {
  readonly app: { maxPayloadSize: number };
  /** Bytes; undefined where the route goes with the app. */
  readonly maxPayloadSize: number | undefined;
  /** True where nobody has checked the size before a body is read: on routes that stream. */
  readonly countsWhileReading: boolean;
  /** Seconds that a client may take for its body, 0 where Bun's idle timeout decides. */
  readonly uploadTimeout: number;
  readonly form: FormOptions;
}

/** Longest time that Bun's own timer takes, in seconds. */
export const serverTimeout_s_max = 255;

interface Guarded {
  readonly request: Request;
  readonly server: Bun.Server<unknown> | undefined;
  readonly limits: RequestLimits;
  /** Set here where the header is there. */
  contentLength: number | undefined;
}

/** @throws HttpError 413, also as a rejection. */
export function guardBody(context: Guarded): undefined | Promise<undefined> {
  const { request, server, limits } = context;
  if (limits.uploadTimeout > 0) {
    // 0 turns Bun's timer off; the deadline of the route takes over then.
    const { uploadTimeout } = limits;
    server?.timeout(request, uploadTimeout > serverTimeout_s_max ? 0 : Math.ceil(uploadTimeout));
  }
  if (limits.countsWhileReading) Object.defineProperty(request, "clone", { value: refuseClone });
  const limit = limitOf(limits);
  const header = request.headers.get("content-length");
  if (header !== null) {
    const length = Number(header);
    context.contentLength = length;
    if (length > limit) throw bodyTooLarge(limit, length);
    return undefined;
  }
  if (limits.countsWhileReading || request.body === null) return undefined;
  return readAhead(request, limit);
}

export function limitOf({ app, maxPayloadSize }: RequestLimits): number {
  return maxPayloadSize ?? app.maxPayloadSize;
}

/** The rest of the body is not waited for (RFC 9110 §15.5.14). */
export function tooLarge(detail: string): HttpError {
  return new HttpError(413, detail, { headers: { connection: "close" } });
}

/**
 * Bytes that are let in and dropped so that the client can read why. A connection that is closed while its client
 * sends is reset, and the answer often lost with it (RFC 9112 §9.6).
 */
const dropped_bytes_max = 16_777_216;

/** @param length of the body, if it is known. */
export function bodyTooLarge(limit: number, length = Number.POSITIVE_INFINITY): HttpError {
  const detail = `the body is larger than ${limit} bytes`;
  return length <= dropped_bytes_max ? new HttpError(413, detail) : tooLarge(detail);
}

/** The body as a stream that fails with 413 above `limit`, and with 400 where the client breaks off. */
export function countedStream(
  body: ReadableStream<Uint8Array>,
  limit: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let size = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch(brokenOff);
        if (done) return controller.close();
        size += value.length;
        if (size > limit) {
          void reader.cancel().catch(ignore);
          throw bodyTooLarge(limit);
        }
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Nothing is read ahead, so that the pressure goes back to the client.
    { highWaterMark: 0 },
  );
}

/** The body stays with the request, where it can be read as ever: the clone shares its chunks. */
async function readAhead(request: Request, limit: number): Promise<undefined> {
  const reader = request.clone().body!.getReader();
  const held: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(brokenOff);
    if (done) return undefined;
    size += value.length;
    held.push(value);
    if (size <= limit) continue;
    // Nobody else has seen these bytes. Left to the garbage collector, 64 senders took twice the memory.
    for (const chunk of held) free(chunk);
    void reader.cancel().catch(ignore);
    void request.body?.cancel().catch(ignore);
    throw bodyTooLarge(limit);
  }
}

/** A body that ends early is the client's doing, hence no 500. It hears of it only if it closed one direction. */
export function brokenOff(cause: unknown): never {
  throw readError(cause);
}

/** @internal the error that a failed read ends its request with */
export function readError(cause: unknown): unknown {
  if (!(cause instanceof DOMException && cause.name === "AbortError")) return cause;
  return new HttpError(400, "the body broke off before its end", {
    cause,
    headers: { connection: "close" },
  });
}

/**
 * Chunks of a streamed body are freed once they are written: left to the garbage collector, a 1 GiB upload took 90 MiB
 * instead of 25. A clone shares them, so there must be none.
 */
function refuseClone(): never {
  throw new TypeError(
    "the request of a route that streams cannot be cloned: its body is read once",
  );
}

/** Gives the memory back at once, unless the chunk is a part of something larger. */
export function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function ignore(): void {}
