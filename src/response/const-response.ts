/**
 * Const responses: computed once, stored in the native cache in every coding that is worth it, answered from there.
 */
import { chooseEncoding, type Encoding, matchesEntityTag } from "../http/negotiation.ts";
import type { ResponseCache, StoredResponse } from "../native/core.ts";

const codings = ["gzip", "br", "zstd"] as const satisfies readonly Encoding[];

export type Variant = readonly [coding: Encoding, stored: StoredResponse];

/**
 * `response` with a strong ETag, and its gzip, brotli and zstd variants where they are smaller.
 * An ETag, `content-encoding` or `vary` of its own is respected: what is encoded already is not encoded again.
 */
export async function variantsOf(response: Response): Promise<Variant[]> {
  const headers = new Headers(response.headers);
  const blob = await response.blob();
  const body = new Uint8Array(await blob.arrayBuffer());
  // A `Response` made from a text knows its type, but has no header for it before it is sent.
  if (!headers.has("content-type") && blob.type !== "") headers.set("content-type", blob.type);
  const tag = headers.get("etag") ?? entityTag(body);
  const isWorthIt = body.length > variantOverhead && !headers.has("content-encoding");
  const variants = isWorthIt ? codings.map((coding) => compress(coding, body)) : [];
  const smaller = variants.filter((variant) => variant.body.length + variantOverhead < body.length);
  if (smaller.length > 0) headers.append("vary", "accept-encoding");
  headers.set("etag", tag);
  const { status } = response;
  const stored: Variant[] = [["identity", { status, headers: [...headers], body }]];
  for (const variant of smaller) {
    headers.set("etag", tag.replace(/"$/, `-${variant.coding}"`));
    headers.set("content-encoding", variant.coding);
    stored.push([variant.coding, { status, headers: [...headers], body: variant.body }]);
  }
  return stored;
}

/** The stored variants of one endpoint, made once the cache is sealed. */
export class ConstResponse {
  readonly identity: StoredResponse;
  /** True if a client may get another coding, which Bun's own static routes cannot negotiate. */
  readonly negotiates: boolean;
  readonly #variants = new Map<Encoding, StoredResponse>();

  constructor(cache: ResponseCache, endpoint: number) {
    const identity = cache.get(endpoint, "identity");
    if (identity === undefined)
      throw new TypeError(`no const response is stored for endpoint ${endpoint}`);
    this.identity = identity;
    for (const coding of codings) {
      const variant = cache.get(endpoint, coding);
      if (variant !== undefined) this.#variants.set(coding, variant);
    }
    this.negotiates = this.#variants.size > 0;
  }

  /** Answers by `Accept-Encoding` and `If-None-Match`; 304 carries no body (RFC 9110 §15.4.5). */
  answer(request: Request): Response {
    const stored = this.#select(request);
    const headers = stored.headers as [string, string][];
    const precondition = request.headers.get("if-none-match");
    if (precondition !== null && stored.status === 200) {
      const tag = headers.find(([name]) => name === "etag")?.[1] ?? "";
      if (matchesEntityTag(precondition, tag)) return notModified(headers);
    }
    return new Response(stored.body as Uint8Array<ArrayBuffer>, { status: stored.status, headers });
  }

  #select(request: Request): StoredResponse {
    if (!this.negotiates) return this.identity;
    const encoding = chooseEncoding(request.headers.get("accept-encoding"), (it) =>
      this.#variants.has(it),
    );
    return this.#variants.get(encoding) ?? this.identity;
  }
}

/** `content-encoding: br` and `vary: accept-encoding` cost about this much on the wire. */
const variantOverhead = 48;

/** RFC 9110 §15.4.5: a 304 has the header fields of the 200 that it stands for; nothing is encoded, though. */
function notModified(headers: readonly (readonly [string, string])[]): Response {
  const kept = headers.filter(([name]) => name !== "content-encoding");
  return new Response(null, { status: 304, headers: kept as [string, string][] });
}

/** A strong entity tag (RFC 9110 §8.8.3): 128 bits of SHA-256 over the body. */
export function entityTag(body: Uint8Array): string {
  const digest = new Bun.CryptoHasher("sha256").update(body).digest();
  return `"${digest.subarray(0, 16).toString("base64url")}"`;
}

function compress(
  coding: (typeof codings)[number],
  body: Uint8Array<ArrayBuffer>,
): { coding: Encoding; body: Uint8Array } {
  switch (coding) {
    case "gzip":
      return { coding, body: Bun.gzipSync(body, { level: 9 }) };
    case "br":
      return { coding, body: brotli(body) };
    case "zstd":
      return { coding, body: Bun.zstdCompressSync(body, { level: 19 }) };
  }
}

/**
 * Quality 11 takes a second per megabyte, which start-up would feel. Importing `node:zlib` takes 7 ms, as much as
 * starting Bun: it is loaded only where something is compressed.
 */
function brotli(body: Uint8Array): Uint8Array {
  const { brotliCompressSync, constants } = require("node:zlib") as typeof import("node:zlib");
  const quality = body.length <= 262_144 ? 11 : 6;
  return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
}
