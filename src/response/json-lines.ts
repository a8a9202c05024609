/**
 * JSON Lines: one JSON text per line, sent as it is made.
 *
 * The media type is `application/jsonl`: no type is registered for the format, this is the one that its own site and
 * the media type registry of OpenAPI name. The older de-facto `application/x-ndjson` can be asked for.
 */
import type { Audience } from "./audience.ts";
import { responseOf, StreamedValue } from "./stream.ts";
import { checkStream } from "./stream-check.ts";

export interface JsonLinesOptions {
  /** Media type. Default `application/jsonl`. */
  type?: "application/jsonl" | "application/x-ndjson";
}

type Source<Value> = AsyncIterable<Value> | Iterable<Value>;

/**
 * Answers with one line per value, with back-pressure: the next value is asked for when the client has taken the last.
 * Values of a plain iterable are joined to chunks of about 16 KiB; those of an async one are sent one by one.
 *
 * A value without JSON form (undefined, a function) or a source that fails breaks the connection off, so that the
 * client can tell; the log gets the error.
 *
 * @param source rows of any kind that `JSON.stringify` takes, or a function that returns them.
 * @example app.get("/export", () => jsonLines(database.query("SELECT * FROM notes").iterate()));
 */
export function jsonLines<Value>(
  source: Source<Value> | (() => Source<Value>),
  options: JsonLinesOptions = {},
): JsonLines {
  return new JsonLines(typeof source === "function" ? source() : source, options);
}

/** What `jsonLines()` returns; becomes a `Response` where it is answered. */
export class JsonLines extends StreamedValue {
  readonly #source: Source<unknown>;
  readonly #type: string;

  constructor(source: Source<unknown>, options: JsonLinesOptions) {
    super();
    const { type = "application/jsonl" } = options;
    checkStream("jsonLines", source, options, ["type"]);
    this.#source = source;
    this.#type = type;
  }

  override toResponse(status: number, audience: Audience | undefined): Response {
    const source = this.#source;
    const iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : batches(source);
    return responseOf(iterator, { type: this.#type, encode }, status, audience);
  }

  override async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    yield* this.#source;
  }
}

/** A chunk of its own per row would cost more than the row. */
const batch_characters = 16_384;

/** Lines that are joined already. */
class Batch {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

async function* batches(source: Iterable<unknown>): AsyncGenerator<Batch> {
  let text = "";
  for (const value of source) {
    text += line(value);
    if (text.length < batch_characters) continue;
    yield new Batch(text);
    text = "";
  }
  if (text !== "") yield new Batch(text);
}

const encoder = new TextEncoder();

function encode(value: unknown): Uint8Array {
  return encoder.encode(value instanceof Batch ? value.text : line(value));
}

function line(value: unknown): string {
  const text = JSON.stringify(value);
  if (text !== undefined) return `${text}\n`;
  throw new TypeError(`jsonLines() was given a ${typeof value}, which has no JSON form`);
}
