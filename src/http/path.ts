/**
 * The canonical path: the one spelling of a request path that everything decides by.
 *
 * This file is the specification in TypeScript; `native/path.zig` is the same in Zig, and the scenario tables and a
 * property test hold the two together. The rules:
 *
 * 1. The URL is `scheme://authority/path?query#fragment`, or a bare path.
 * 2. The path ends at the first `?` or `#`; an empty path is `/`.
 * 3. Control bytes, spaces, non-ASCII, malformed `%`, encoded control bytes and invalid UTF-8 are refused.
 * 4. Percent-encoded unreserved characters are decoded (RFC 3986 §6.2.2.2), the hex digits of all others are
 *    upper-cased (§6.2.2.1). `%2F` stays encoded, so it never splits a segment.
 * 5. A `.` or `..` segment is refused: Bun has removed the honest ones from `request.url` already (RFC 3986 §5.2.4).
 * 6. One trailing slash is ignored when it follows a non-empty segment, unless the table is strict.
 */
import { limits } from "../limits.ts";

/** What `find` answers when there is no endpoint. The values are those of `native/status.zig`. */
export const verdict = {
  not_found: -1,
  method_not_allowed: -2,
  bad_path: -3,
  path_too_long: -4,
  bad_host: -5,
} as const;

export type VerdictName = keyof typeof verdict;

/** @returns the canonical path, or the verdict that refuses the URL. */
export function canonicalPath(url: string, strict: boolean): string | number {
  let start = 0;
  if (url.charCodeAt(0) !== slash) {
    const scheme = url.indexOf("://");
    if (scheme <= 0 || !/^[A-Za-z][A-Za-z0-9+.-]*$/.test(url.slice(0, scheme)))
      return verdict.bad_path;
    start = scheme + 3;
    const authority = url.slice(start, endOf(url, authorityEnd, start));
    if (!isAuthority(authority)) return verdict.bad_host;
    start += authority.length;
  }
  const raw = url.slice(start, endOf(url, pathEnd, start)) || "/";
  if (raw.length > limits.path_bytes_max) return verdict.path_too_long;
  const path = plainPath.test(raw) ? raw : canonicalSegments(raw);
  if (path === undefined) return verdict.bad_path;
  return strict ? path : withoutTrailingSlash(path);
}

/** Rules 3 to 5, for a path without query. */
export function canonicalSegments(raw: string): string | undefined {
  if (/[^\x21-\x7e]/.test(raw) || /%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined;
  let path = raw;
  if (raw.includes("%")) {
    if (/%(?:[01][0-9A-Fa-f]|7[Ff])/.test(raw)) return undefined;
    for (const segment of raw.split("/"))
      if (decodeSegment(segment) === undefined) return undefined;
    path = raw.replace(/%../g, (encoded) => {
      const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
    });
  }
  return /\/\.{1,2}(?:\/|$)/.test(path) ? undefined : path;
}

/** Rule 6. */
export function withoutTrailingSlash(path: string): string {
  const last = path.length - 1;
  if (last < 1 || path.charCodeAt(last) !== slash || path.charCodeAt(last - 1) === slash)
    return path;
  return path.slice(0, last);
}

/** Decodes one value of a canonical path; it was checked to be valid UTF-8, so this cannot throw there. */
export function decodeValue(value: string): string {
  return value.includes("%") ? decodeURIComponent(value) : value;
}

const slash = 47;
const authorityEnd = /[/?#]/g;
const pathEnd = /[?#]/g;
/** Unreserved characters, sub-delimiters, `:` and `@`, no segment that begins with a dot: canonical as it is. */
const plainPath = /^(?:\/(?!\.)[\w\-.~!$&'()*+,;=:@]*)+$/;

function endOf(text: string, delimiter: RegExp, start: number): number {
  delimiter.lastIndex = start;
  return delimiter.exec(text)?.index ?? text.length;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** RFC 3986 §3.2 without user information, which RFC 9110 §4.2.4 tells a server to refuse. */
function isAuthority(authority: string): boolean {
  if (authority === "" || /[^\x21-\x7e]|[@\\<>]/.test(authority)) return false;
  const colon = authority.indexOf(":", authority.lastIndexOf("]") + 1);
  if (colon < 0) return true;
  const port = authority.slice(authority.lastIndexOf(":") + 1);
  return /^[0-9]*$/.test(port) && Number(port) <= 65_535;
}
