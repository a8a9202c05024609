/**
 * The one exit: whatever a handler or a hook returns becomes a `Response` here.
 *
 * | value | answer |
 * |---|---|
 * | `Response` | as it is; one whose body was read or sent is ROBYN_RESPONSE_USED, a 500 |
 * | `string` | 200 `text/plain;charset=utf-8` |
 * | `null`, `undefined` | 204 |
 * | number, boolean, object, array | 200 `application/json` |
 * | `ArrayBuffer` or a view | 200 `application/octet-stream` |
 * | `Blob`, `Bun.file` | 200 with its type; a missing file is 404 |
 * | `serveFile(path)` | 200, 206, 304, 412 or 416 by the request; a missing file is 404 |
 * | `ReadableStream` | 200 `application/octet-stream` |
 * | generator, async iterator of strings or bytes | 200 `text/plain;charset=utf-8`, streamed |
 * | `sse(…)`, `jsonLines(…)` | 200 with their type, streamed |
 * | `status(code, value)` | the same rules with that status; a `Response` gets it, too |
 * | function, symbol, bigint, Map, Set, Error | ROBYN_VALUE_UNSUPPORTED, a 500 |
 */
import { HttpError, RobynError } from "../errors.ts";
import { hasNoContent } from "../http/status.ts";
import type { Answered } from "./audience.ts";
import { FileAnswer } from "./file.ts";
import { streamResponse } from "./stream.ts";
import { StatusValue } from "./values.ts";

/** @throws RobynError ROBYN_VALUE_UNSUPPORTED, ROBYN_RESPONSE_USED, or what `JSON.stringify` throws (a cycle, a throwing `toJSON`). */
export function toResponse(
  value: unknown,
  status = 200,
  answered?: Answered,
): Response | Promise<Response> {
  if (typeof value === "string") return text(value, status);
  if (value instanceof Response)
    return answered === undefined ? unused(value) : answered.noteOwnResponse(unused(value));
  if (value === null || value === undefined)
    return new Response(null, { status: status === 200 ? 204 : status });
  if (typeof value === "object") return objectToResponse(value, status, answered);
  if (typeof value === "number" || typeof value === "boolean") return jsonResponse(value, status);
  throw unsupported(
    typeof value,
    "Return a string, number, boolean, null, object, bytes, Blob, stream or Response.",
  );
}

/** Bun would refuse it too, but too late: where no route is known, and no exception handler. */
function unused(response: Response): Response {
  if (!response.bodyUsed) return response;
  throw new RobynError(
    "ROBYN_RESPONSE_USED",
    "A handler returned a Response whose body was read or sent already.",
    "Make one for each request, or return response.clone() and keep the original.",
  );
}

function unsupported(kind: string, fix: string): RobynError {
  const article = /^[aeiou]/i.test(kind) ? "an" : "a";
  return new RobynError(
    "ROBYN_VALUE_UNSUPPORTED",
    `A handler returned ${article} ${kind}, which has no form on the wire.`,
    fix,
  );
}

function objectToResponse(
  value: object,
  status: number,
  answered: Answered | undefined,
): Response | Promise<Response> {
  if (value instanceof StatusValue) return withStatus(value, answered);
  if (value instanceof FileAnswer) return value.toResponse(status, answered);
  if (value instanceof Blob) return blobToResponse(value, status);
  if (value instanceof ReadableStream)
    return streamResponse(value, octetStream, status, answered?.audience);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return withType(value as Uint8Array<ArrayBuffer>, octetStream, status);
  if (Symbol.asyncIterator in value)
    return streamResponse(value as AsyncIterable<unknown>, plainText, status, answered?.audience);
  if (value instanceof Error) throw unsupported("Error", "Throw it.");
  if (Symbol.iterator in value && !Array.isArray(value))
    return iterableToResponse(value, status, answered);
  return jsonResponse(value, status);
}

/** What carries a status of its own, `html()` for one, takes the one it is given here: it was written last. */
function withStatus(
  { value, status }: StatusValue,
  answered: Answered | undefined,
): Response | Promise<Response> {
  if (!(value instanceof Response)) return toResponse(value, status, answered);
  answered?.noteOwnResponse(value);
  if (value.status === status) return value;
  return new Response(hasNoContent(status) ? null : value.body, { status, headers: value.headers });
}

/** JSON would make `{}` of a generator, a Map and a Set, and nobody would be told. */
function iterableToResponse(
  value: object,
  status: number,
  answered: Answered | undefined,
): Response | Promise<Response> {
  if (value instanceof Iterator)
    return streamResponse(stepByStep(value), plainText, status, answered?.audience);
  if (value instanceof Map) throw unsupported("Map", "Return Object.fromEntries(map).");
  if (value instanceof Set) throw unsupported("Set", "Return [...set].");
  return jsonResponse(value, status);
}

async function* stepByStep(values: Iterable<unknown>): AsyncGenerator<unknown> {
  yield* values;
}

/** `Bun.file` is lazy: whether it exists is known only now, and a missing one must not become a 500. */
function blobToResponse(blob: Blob, status: number): Response | Promise<Response> {
  const type = blob.type || octetStream;
  if (!isFile(blob)) return withType(blob, type, status);
  return blob.exists().then((exists) => {
    if (!exists) throw new HttpError(404);
    return withType(blob, type, status);
  });
}

function isFile(blob: Blob): blob is Bun.BunFile {
  return "exists" in blob && typeof blob.exists === "function";
}

function jsonResponse(value: unknown, status: number): Response {
  // The usual status needs no options: reading them costs 50 ns of the 300 that `Response.json` takes.
  if (status === 200) return Response.json(value);
  return hasNoContent(status) ? new Response(null, { status }) : Response.json(value, { status });
}

function text(value: string, status: number): Response {
  return hasNoContent(status) ? new Response(null, { status }) : withType(value, plainText, status);
}

function withType(body: Bun.BodyInit, type: string, status: number): Response {
  return new Response(body, { status, headers: { "content-type": type } });
}

const octetStream = "application/octet-stream";
/** Spelled as Bun spells it where it adds the type itself. */
const plainText = "text/plain;charset=utf-8";
