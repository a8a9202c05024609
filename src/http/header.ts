/** Header fields that an application defines ahead of any response (RFC 9110 §5). */
import { RobynError } from "../errors.ts";
import { isToken } from "./method.ts";

/** Framing and connection management belong to the server (RFC 9110 §7.6.1, RFC 9112 §6); a fixed value breaks them. */
const reserved: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Refuses what cannot be a header field. A value with CR or LF would begin another header, or the body
 * (response splitting); anything but visible ASCII, space and tab has no agreed meaning (RFC 9110 §5.5).
 *
 * @param where the definition, for the message: `setResponseHeader()`, `GET /users`.
 * @throws RobynError ROBYN_HEADER_INVALID
 */
export function checkHeader(where: string, name: unknown, value: unknown): void {
  const shown = JSON.stringify(name);
  if (typeof name !== "string" || !isToken(name)) {
    throw invalid(
      `${where} was given the header name ${shown}.`,
      "A name is a token: letters, digits and hyphens.",
    );
  }
  if (reserved.has(name.toLowerCase())) {
    throw invalid(`${where} was given the header ${shown}.`, "The server sets it; remove it.");
  }
  if (typeof value !== "string" || !/^[\t\x20-\x7e]*$/.test(value) || value !== value.trim()) {
    throw invalid(
      `${where} was given a value for the header ${shown} that cannot be sent: ${JSON.stringify(value)}.`,
      "A value is a string of visible ASCII, spaces and tabs, neither at its ends.",
    );
  }
}

/** Sets the fields that `headers` lacks: what a response says of itself wins. */
export function addMissing(headers: Headers, fields: Iterable<readonly [string, string]>): void {
  for (const [name, value] of fields) if (!headers.has(name)) headers.set(name, value);
}

/** Adds a field name to `Vary` unless it, or `*`, stands there already (RFC 9110 §12.5.5). */
export function addVary(headers: Headers, name: string): void {
  const present = headers.get("vary");
  if (present === null || present.trim() === "") return headers.set("vary", name);
  const names = present.split(",").map((it) => it.trim().toLowerCase());
  if (!names.includes("*") && !names.includes(name.toLowerCase()))
    headers.set("vary", `${present}, ${name}`);
}

function invalid(message: string, fix: string): RobynError {
  return new RobynError("ROBYN_HEADER_INVALID", message, fix);
}
