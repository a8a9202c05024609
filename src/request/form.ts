/**
 * Forms: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded` (WHATWG URL §5), in one shape.
 * Loaded with the first form that is read.
 */
import { HttpError } from "../errors.ts";
import { brokenOff, free, tooLarge } from "./body-limit.ts";
import { formLimits, type FormOptions } from "./form-options.ts";
import { boundaryOf } from "./multipart-parser.ts";
import { MultipartCollector } from "./multipart.ts";
import { addValue, type Query } from "./query.ts";
import type { Upload } from "./upload.ts";

export interface Form {
  /** Text fields by name; a repeated one has an array. Has no prototype, so no name can be mistaken for a method. */
  readonly fields: Query;
  /** Files by the name of their field, each a list: a field may have several. Has no prototype. */
  readonly files: Record<string, Upload[]>;
}

export interface FormSource {
  readonly contentType: string;
  /** Bytes that are there already, or a stream within the body limit; null where there is no body. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** Bytes that the whole body may have. */
  readonly maxPayloadSize: number;
  /** Whether the chunks of the stream are nobody else's, and may be freed when they were read. */
  readonly ownsChunks: boolean;
  /** Takes what has to be removed when the request ends. */
  readonly onEnd: (release: () => void) => void;
}

/**
 * The promise rejects with HttpError 415 for another media type, 400 for a malformed form, 413 for one above a limit.
 *
 * @param options of the route and of the call; the later ones win.
 */
export async function readForm(
  source: FormSource,
  ...options: readonly FormOptions[]
): Promise<Form> {
  const limits = formLimits(...options);
  const [type = ""] = source.contentType.split(";", 1);
  const form: Form = { fields: Object.create(null), files: Object.create(null) };
  switch (type.trim().toLowerCase()) {
    case "multipart/form-data": {
      const boundary = boundaryOf(source.contentType);
      if (boundary === undefined)
        throw new HttpError(400, "the content-type of the form has no valid boundary");
      const { maxFileSize = source.maxPayloadSize } = limits;
      const collector = new MultipartCollector(boundary, { ...limits, maxFileSize }, form);
      await collect(collector, source);
      return form;
    }
    case "application/x-www-form-urlencoded":
      await readUrlencoded(source, limits, form.fields);
      return form;
    default:
      throw new HttpError(
        415,
        "the body must be multipart/form-data or application/x-www-form-urlencoded",
      );
  }
}

/** Fields and files as one object, as schemas see a form: one value as it is, several as an array. */
export function mergeForm({ fields, files }: Form): Record<string, unknown> {
  const merged: Record<string, unknown> = Object.assign(Object.create(null), fields);
  for (const [name, uploads] of Object.entries(files)) {
    const all = [...[fields[name] ?? []].flat(), ...uploads];
    merged[name] = all.length === 1 ? all[0] : all;
  }
  return merged;
}

async function collect(
  collector: MultipartCollector,
  { body, ownsChunks, onEnd }: FormSource,
): Promise<void> {
  try {
    for await (const chunk of chunksOf(body)) {
      await collector.take(chunk);
      if (ownsChunks) free(chunk);
    }
    collector.finish();
  } catch (error) {
    await collector.abandon();
    throw error;
  }
  const { spool } = collector;
  if (spool !== undefined) onEnd(() => spool.remove());
}

async function readUrlencoded(
  { body }: FormSource,
  { maxFieldsSize, maxParts }: { maxFieldsSize: number; maxParts: number },
  fields: Form["fields"],
): Promise<void> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(body)) {
    size += chunk.length;
    if (size > maxFieldsSize) throw tooLarge(`the form is larger than ${maxFieldsSize} bytes`);
    chunks.push(chunk);
  }
  let parts = 0;
  for (const [name, value] of new URLSearchParams(Buffer.concat(chunks).toString())) {
    if (++parts > maxParts) throw tooLarge(`the form has more than ${maxParts} fields`);
    addValue(fields, name, value);
  }
}

async function* chunksOf(body: FormSource["body"]): AsyncGenerator<Uint8Array, void, void> {
  if (body === null) return;
  if (body instanceof Uint8Array) return yield body;
  const reader = body.getReader();
  let isOver = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(brokenOff);
      if (done) {
        isOver = true;
        return;
      }
      yield value;
    }
  } finally {
    // A form that was refused half way: what the client still sends is not wanted.
    if (!isOver) void reader.cancel().catch(() => {});
  }
}
