/** What may be kept of a response, and in which form (RFC 9111 §3). */
import { addVary } from "../http/header.ts";
import { knownBody } from "../response/known-body.ts";

/** A response as text and bytes: what is stored and what is answered from it. */
export interface Kept {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Those of RFC 9110 §15.1 that may be kept without being told so, without parts (206) and without server errors. */
const statuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414]);

/**
 * @param vary what the key of the route has already.
 * @returns undefined for what may not be kept: another status, `Set-Cookie`, `Cache-Control: no-store`, `private` or
 * `no-cache`, a `Vary` beyond the key, streams, files and what is longer than `bytes_max`.
 */
export async function keep(
  response: Response,
  vary: readonly string[],
  bytes_max: number,
): Promise<Kept | undefined> {
  if (!statuses.has(response.status) || !isAllowed(response.headers, vary)) return undefined;
  const body = await knownBody(response, bytes_max);
  if (body === undefined) return undefined;
  const headers = new Headers(response.headers);
  // A `Response` made from a text knows its type, but has no header for it before it is sent.
  if (!headers.has("content-type") && body.length > 0) {
    const { type } = await response.clone().blob();
    if (type !== "") headers.set("content-type", type);
  }
  for (const name of vary) addVary(headers, name);
  return { status: response.status, headers: [...headers], body };
}

export function writeHead({ status, headers }: Kept): string {
  return JSON.stringify([status, headers]);
}

/** Only what `writeHead` has written comes here: the segment is checked when it is opened, blocks when they are read. */
export function readHead(head: string): Pick<Kept, "status" | "headers"> {
  const [status, headers]: [number, [string, string][]] = JSON.parse(head);
  return { status, headers };
}

function isAllowed(headers: Headers, vary: readonly string[]): boolean {
  if (headers.has("set-cookie")) return false;
  if (
    /(?:^|,)\s*(?:no-store|no-cache|private)\s*(?:[=,]|$)/i.test(headers.get("cache-control") ?? "")
  )
    return false;
  const names = (headers.get("vary") ?? "").split(",").map((it) => it.trim().toLowerCase());
  return names.every((name) => name === "" || vary.includes(name));
}

/** Whether the answer may be meant for one client alone. */
export function hasCredentials(headers: Headers): boolean {
  return headers.get("authorization") !== null || headers.get("cookie") !== null;
}
