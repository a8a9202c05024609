/**
 * Preconditions (RFC 9110 §13): decided from the headers of a request and the validators of what it would get.
 */
import { entityTags, matchesEntityTag } from "./negotiation.ts";

/** What a representation can be recognised by. */
export interface Validators {
  /** RFC 9110 §8.8.3, with quotes, weak with `W/`. */
  readonly etag: string;
  /** Milliseconds since 1970, a whole number of seconds: HTTP dates have no finer unit. */
  readonly lastModified: number;
}

/**
 * The order is that of RFC 9110 §13.2.2: `If-Match` before `If-Unmodified-Since`, `If-None-Match` before
 * `If-Modified-Since`, and the dates count only where the tags are not given.
 *
 * @returns 304 or 412, or 200 to go on. Only for GET and HEAD: for other methods the caller would have to ask before
 * it acts.
 */
export function evaluatePreconditions(headers: Headers, validators: Validators): 200 | 304 | 412 {
  const match = headers.get("if-match");
  if (match !== null) {
    if (!matchesStrongly(match, validators.etag)) return 412;
  } else {
    const date = headers.get("if-unmodified-since");
    if (date !== null && validators.lastModified > (parseHttpDate(date) ?? Infinity)) return 412;
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) return matchesEntityTag(noneMatch, validators.etag) ? 304 : 200;
  const since = headers.get("if-modified-since");
  return since !== null && isUnmodifiedSince(since, validators.lastModified) ? 304 : 200;
}

/**
 * `If-Range` (RFC 9110 §13.1.5): a part is only of use to whom has the rest of the very same bytes, so nothing weak
 * counts: not a weak tag on either side, nor a date while the tag is weak, that is while the file may still change
 * within the second that the date names (§8.8.2.2).
 */
export function allowsRange(headers: Headers, { etag, lastModified }: Validators): boolean {
  const condition = headers.get("if-range");
  if (condition === null) return true;
  if (etag.startsWith("W/")) return false;
  return condition.includes('"')
    ? condition.trim() === etag
    : parseHttpDate(condition) === lastModified;
}

/**
 * The three forms of RFC 9110 §5.6.7. `Date.parse` alone takes nearly anything, `"2026"` for instance, and what is no
 * date must be passed over instead.
 *
 * @returns milliseconds since 1970, or undefined.
 */
export function parseHttpDate(text: string): number | undefined {
  const trimmed = text.trim();
  const form = dateForms.find((it) => it.test(trimmed));
  if (form === undefined) return undefined;
  const time = Date.parse(form === asctime ? `${trimmed} GMT` : trimmed);
  return Number.isNaN(time) ? undefined : time;
}

const asctime = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;
const dateForms = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  asctime,
];

/** A date in the future was never sent by us; taking it would hide every change until then. */
function isUnmodifiedSince(header: string, lastModified: number): boolean {
  const date = parseHttpDate(header);
  return date !== undefined && lastModified <= date && date <= Date.now();
}

/** RFC 9110 §13.1.1: strong comparison; `*` asks only whether there is anything. */
function matchesStrongly(header: string, etag: string): boolean {
  if (header.trim() === "*") return true;
  return !etag.startsWith("W/") && entityTags(header).includes(etag);
}
