/** Compression by negotiation, as an after hook (RFC 9110 §8.4, §12.5.3). */
import { RobynError } from "../errors.ts";
import { addVary } from "../http/header.ts";
import { chooseEncoding, type Encoding } from "../http/negotiation.ts";
import { hasNoContent } from "../http/status.ts";
import { isText, knownBody } from "../response/known-body.ts";
import { markStreamed } from "../response/stream.ts";
import type { Coding } from "./encode.ts";

export interface CompressOptions {
  /** Bodies of fewer bytes are sent as they are. Default 1,024: below, headers and time outweigh what is saved. */
  threshold?: number;
  /** Codings to offer. Default all: `zstd`, `br`, `gzip`; the client's weights decide, ties go to this order. */
  encodings?: readonly Coding[];
  /** Whether event streams are compressed too; each event is flushed. Default false. */
  eventStreams?: boolean;
  /** Which media types are worth it, parameters cut off, lower case. Default: text, JSON, XML, SVG, scripts, plain fonts. */
  types?: (type: string) => boolean;
}

/** Fits `afterRequest` of any app, whatever its state. */
export type ResponseHook = (
  response: Response,
  context: { readonly request: Request },
) => Promise<Response | undefined> | undefined;

/**
 * Compresses what is worth it, with zstd, brotli or gzip: `app.afterRequest(compress())`.
 *
 * Left alone are bodies below the threshold, types that are compressed already, responses with `Content-Encoding`, a
 * digest or `Cache-Control: no-transform`, 204, 205, 206 and 304, answers to range requests, and event streams. `Vary:
 * Accept-Encoding` is set wherever the answer could have been another, also where it is not compressed. An ETag becomes
 * weak, because the bytes are no longer those that it was made for (RFC 9110 §8.8.1).
 *
 * Streams stay streams: chunk by chunk, with back-pressure, flushed whenever the source makes a pause.
 *
 * Compressing a secret beside text that an attacker chooses lets him guess the secret from the length (BREACH): give
 * such routes `cache-control: no-transform`.
 *
 * @throws RobynError ROBYN_OPTION_INVALID
 */
export function compress(options: CompressOptions = {}): ResponseHook {
  const { threshold, encodings, eventStreams, types } = resolve(options);
  // `node:zlib` takes 7 ms to load, which only an app that compresses should spend.
  const encoders = import("./encode.ts");
  const isOffered = (it: Encoding) => it !== "identity" && encodings.includes(it);
  const isWorthIt = (type: string) => (type === eventStream ? eventStreams : types(type));

  return (response, { request }) => {
    const { headers, status } = response;
    const coding = () => chooseEncoding(request.headers.get("accept-encoding"), isOffered);
    if (status === 304) return void matchNotModified(headers, coding());
    if (hasNoContent(status) || isFinal(headers) || !isWorthIt(typeOf(headers))) return undefined;
    addVary(headers, "accept-encoding");
    if (status === 206 || request.headers.has("range") || isBelow(threshold, headers))
      return undefined;
    const chosen = coding();
    return chosen === "identity" ? undefined : encode(response, chosen, threshold, encoders);
  };
}

/** Longest body that is compressed in one go; a longer one is streamed, so that memory stays bounded. */
const one_go_bytes_max = 262_144;

async function encode(
  response: Response,
  coding: Coding,
  threshold: number,
  encoders: Promise<typeof import("./encode.ts")>,
): Promise<Response | undefined> {
  const bytes = await knownBody(response, one_go_bytes_max);
  const isTyped = response.headers.has("content-type");
  if (bytes === undefined) {
    // Without a type nobody knows whether a stream is text.
    if (!isTyped || response.body === null) return undefined;
    const { encodeStream } = await encoders;
    const body = encodeStream(response.body, coding);
    return markStreamed(withCoding(new Response(body, response), coding));
  }
  if (bytes.length < threshold || (!isTyped && !isText(bytes))) return undefined;
  const { encodeBytes } = await encoders;
  const encoded = await encodeBytes(bytes, coding);
  if (encoded.length >= bytes.length) return undefined;
  const answer = withCoding(new Response(encoded, response), coding);
  if (!isTyped) answer.headers.set("content-type", plainText);
  return answer;
}

function withCoding(response: Response, coding: Coding): Response {
  const { headers } = response;
  headers.set("content-encoding", coding);
  headers.delete("content-length");
  // Ranges are of the plain bytes: a request for one gets those.
  headers.delete("accept-ranges");
  weaken(headers);
  return response;
}

/** A cache finds what a 304 is about by its ETag (RFC 9111 §4.3.4): it must be the one that the 200 had. */
function matchNotModified(headers: Headers, coding: Encoding): void {
  addVary(headers, "accept-encoding");
  if (coding !== "identity") weaken(headers);
}

function weaken(headers: Headers): void {
  const tag = headers.get("etag");
  if (tag !== null && !tag.startsWith("W/")) headers.set("etag", `W/${tag}`);
}

/** Encoded already, forbidden to be (RFC 9111 §5.2.2.6), or with a digest over these very bytes (RFC 9530). */
function isFinal(headers: Headers): boolean {
  if (headers.has("content-encoding") || headers.has("content-range")) return true;
  if (headers.has("content-digest") || headers.has("repr-digest")) return true;
  return /(?:^|,)\s*no-transform\s*(?:,|$)/i.test(headers.get("cache-control") ?? "");
}

function isBelow(threshold: number, headers: Headers): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) < threshold;
}

/** A string has no type before Bun sends it. */
function typeOf(headers: Headers): string {
  const type = headers.get("content-type");
  return type === null ? plainText : type.split(";", 1)[0]!.trim().toLowerCase();
}

const plainText = "text/plain;charset=utf-8";
const eventStream = "text/event-stream";

/** What is text in the widest sense; anything else is compressed already, or unknown and better left alone. */
function isCompressible(type: string): boolean {
  return (
    type.startsWith("text/") ||
    /[/+](?:json|xml|javascript|yaml|wasm|jsonl|ndjson|graphql|x-ndjson|x-javascript)$/.test(
      type,
    ) ||
    /^application\/(?:manifest|rtf|sql|toml|vnd\.ms-fontobject|x-sh|x-www-form-urlencoded|xhtml)\b/.test(
      type,
    ) ||
    /^(?:font\/(?:otf|sfnt|ttf|collection)|image\/(?:bmp|svg\+xml|x-icon|vnd\.microsoft\.icon))$/.test(
      type,
    )
  );
}

function resolve(options: CompressOptions): Required<CompressOptions> {
  const settings = {
    threshold: options.threshold ?? 1_024,
    encodings: options.encodings ?? codings,
    eventStreams: options.eventStreams ?? false,
    types: options.types ?? isCompressible,
  };
  for (const name of Object.keys(options))
    if (!Object.hasOwn(settings, name)) refuse(`the unknown option "${name}"`);
  if (!Number.isSafeInteger(settings.threshold) || settings.threshold < 0)
    refuse(`the threshold ${settings.threshold}, which is no number of bytes`);
  for (const it of settings.encodings)
    if (!codings.includes(it)) refuse(`the encoding ${JSON.stringify(it)}`);
  return settings;
}

const codings: readonly Coding[] = ["zstd", "br", "gzip"];

function refuse(what: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `compress() was given ${what}.`,
    `It takes threshold, eventStreams, types and encodings, which are among ${codings.join(", ")}.`,
  );
}
