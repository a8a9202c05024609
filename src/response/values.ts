/** What a handler may return beside plain values: a value with a status, HTML, JSON with headers, a redirect. */

/** A value and the status it is to be sent with. Made by `status()`; becomes a `Response` in `toResponse`. */
export class StatusValue<Code extends number = number, Value = unknown> {
  readonly status: Code;
  readonly value: Value;

  constructor(status: Code, value: Value) {
    this.status = status;
    this.value = value;
  }
}

/**
 * Answers with `code` and `value`; the value follows the same rules as one that is returned plainly.
 *
 * @throws RangeError if the code is not an integer from 200 to 599.
 * @example return status(201, note);
 */
export function status<const Code extends number>(code: Code): StatusValue<Code, null>;
export function status<const Code extends number, Value>(
  code: Code,
  value: Value,
): StatusValue<Code, Value>;
export function status(code: number, value: unknown = null): StatusValue {
  if (!Number.isInteger(code) || code < 200 || code > 599) {
    throw new RangeError(`status() was given ${code}; it takes an integer from 200 to 599.`);
  }
  return new StatusValue(code, value);
}

/** Answers `text/html; charset=utf-8`. Nothing is escaped: use `Bun.escapeHTML` for what users wrote. */
export function html(body: string, init: ResponseInit = {}): Response {
  return withType(body, "text/html; charset=utf-8", init);
}

/** Answers JSON with a status and headers; a plain object returned from a handler does without it. */
export function json(value: unknown, init: ResponseInit = {}): Response {
  return Response.json(value, init);
}

const redirectCodes: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Redirects to `location`, a path or an absolute URL.
 *
 * A location that begins with `//` or `/\` is read by browsers as another host; it is refused, because it is how a
 * redirect to user input becomes an open one. Give a full `https://…` URL to leave the site.
 *
 * @param code 301, 302, 303, 307 (default: the method and body are kept) or 308 (RFC 9110 §15.4).
 * @throws TypeError for such a location, or one with control characters; RangeError for another code.
 */
export function redirect(location: string, code = 307): Response {
  if (/^[/\\]{2}/.test(location) || /[\x00-\x1f\x7f]/.test(location)) {
    throw new TypeError(
      `redirect() was given a location that leaves the site unnoticed: ${JSON.stringify(location)}`,
    );
  }
  if (!redirectCodes.has(code)) {
    throw new RangeError(
      `redirect() was given the status ${code}; it takes 301, 302, 303, 307 or 308.`,
    );
  }
  return new Response(null, { status: code, headers: { location: encodeLocation(location) } });
}

/** Header values are ASCII; an IRI such as `/état` is sent as the URI it stands for. */
function encodeLocation(location: string): string {
  return location.replace(/[^\x21-\x7e]+/g, (part) => encodeURI(part.toWellFormed()));
}

function withType(body: string, type: string, init: ResponseInit): Response {
  const headers = new Response(null, init).headers;
  if (!headers.has("content-type")) headers.set("content-type", type);
  return new Response(body, { ...init, headers });
}

/** @internal stands for the 101 that Bun has sent already; it is never sent itself */
export class SwitchedProtocols extends Response {
  constructor() {
    super(null);
  }
}
