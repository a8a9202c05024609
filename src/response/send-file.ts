/**
 * Files as answers: conditional requests, ranges, and names to save them under. Bun sends the bytes; which bytes and
 * with which headers is decided here, because Bun's own file answers have no entity tag, ignore preconditions and
 * cannot send several ranges.
 */
import { HttpError } from "../errors.ts";
import { allowsRange, evaluatePreconditions } from "../http/conditional.ts";
import { contentDisposition } from "../http/content-disposition.ts";
import { contentTypeOf } from "../http/content-type.ts";
import type { Answered } from "./audience.ts";
import type { FileOptions } from "./file.ts";
import { multipartRanges } from "./multipart-ranges.ts";
import { parseRanges } from "./range.ts";
import { keepForSlowReader } from "./slow-reader.ts";
import { openStored, type StoredFile } from "./stored-file.ts";

/** @throws HttpError 404, 412 or 416. */
export function answerPath(
  path: string,
  options: FileOptions,
  answered: Answered | undefined,
  status: number,
): Response {
  const stored = openStored(path);
  if (stored === undefined || stored === "directory") throw new HttpError(404);
  const { type = contentTypeOf(path), download = false, name } = options;
  const headers = headersOf(stored, type);
  if (download || name !== undefined) {
    const disposition = download ? "attachment" : "inline";
    headers.set("content-disposition", contentDisposition(disposition, name ?? path));
  }
  return answerStored(stored, headers, answered, status);
}

/** The headers of a whole answer. */
export function headersOf({ etag, lastModified }: StoredFile, type: string): Headers {
  const headers = new Headers({
    "content-type": type,
    etag,
    "last-modified": new Date(lastModified).toUTCString(),
    "accept-ranges": "bytes",
    // Kept by whoever likes, asked for each time: without it browsers guess a lifetime (RFC 9111 §4.2.2).
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  if (!hasTypeOfItsOwn.test(type)) headers.set("content-disposition", "inline");
  return headers;
}

/**
 * Bun adds `content-disposition: filename="…"` to a file of any other type: not valid (RFC 6266 §4.1), and it tells the
 * name on the disk. It leaves a header of ours alone.
 */
const hasTypeOfItsOwn = /^(?:text|image|audio|video|font)\/|^application\/(?:json|wasm|javascript)/;

/**
 * @param headers of the whole answer, validators included; they are copied.
 * @param answered undefined where nobody asks (a const route): then the whole file.
 * @throws HttpError 412 or 416.
 */
export function answerStored(
  stored: StoredFile,
  headers: Headers,
  answered: Answered | undefined,
  status = 200,
): Response {
  const method = answered?.request.method;
  // RFC 9110 §13.2.1 and §14.2: neither preconditions nor ranges where the answer would not be a 200 to GET or HEAD.
  if (answered === undefined || status !== 200 || (method !== "GET" && method !== "HEAD"))
    return whole(stored, headers, answered, status);
  const asked = answered.request.headers;
  const outcome = evaluatePreconditions(asked, stored);
  if (outcome === 304) return notModified(headers);
  if (outcome === 412) throw new HttpError(412);
  if (method === "HEAD") return head(stored, headers);
  const range = asked.get("range");
  if (range === null || !allowsRange(asked, stored))
    return whole(stored, headers, answered, status);
  return ranged(stored, headers, answered, range);
}

function whole(
  stored: StoredFile,
  headers: Headers,
  answered: Answered | undefined,
  status: number,
): Response {
  if (!stored.isInMemory) keepForSlowReader(answered);
  return new Response(stored.body, { status, headers });
}

function ranged(stored: StoredFile, headers: Headers, answered: Answered, range: string): Response {
  const { size, body } = stored;
  const ranges = parseRanges(range, size);
  if (ranges === "ignore") return whole(stored, headers, answered, 200);
  if (ranges === "unsatisfiable") {
    throw new HttpError(416, undefined, { headers: { "content-range": `bytes */${size}` } });
  }
  if (!stored.isInMemory) keepForSlowReader(answered);
  if (ranges.length > 1) return multipartRanges(stored, headers, ranges, answered);
  const { first, last } = ranges[0]!;
  const partial = new Headers(headers);
  partial.set("content-range", `bytes ${first}-${last}/${size}`);
  return new Response(body.slice(first, last + 1), { status: 206, headers: partial });
}

/** Bun would take the length from the body, but opening a file for nothing is not free. */
function head({ size }: StoredFile, headers: Headers): Response {
  const all = new Headers(headers);
  all.set("content-length", String(size));
  return new Response(null, { headers: all });
}

/** RFC 9110 §15.4.5: what a cache needs, without the headers about content that is not there. */
function notModified(headers: Headers): Response {
  const kept = new Headers(headers);
  for (const name of ["content-type", "content-encoding", "content-disposition"]) kept.delete(name);
  return new Response(null, { status: 304, headers: kept });
}
