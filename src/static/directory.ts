/**
 * A directory below a route. It is an ordinary GET route `route/*` of the one table: other routes win by precedence,
 * other methods are 405, hooks and exception handlers apply.
 */
import { realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { HttpError, RobynError } from "../errors.ts";
import { contentDisposition } from "../http/content-disposition.ts";
import { contentTypeOf } from "../http/content-type.ts";
import { chooseEncoding, type Encoding } from "../http/negotiation.ts";
import type { Answered } from "../response/audience.ts";
import { answerStored, headersOf } from "../response/send-file.ts";
import { openStored, type StoredFile } from "../response/stored-file.ts";
import { redirect } from "../response/values.ts";
import { type Entry, FileCache, type Sendable } from "./file-cache.ts";
import { listingOf } from "./listing.ts";
import { type DirectoryOptions, type DirectorySettings, resolveOptions } from "./options.ts";
import { type Place, placeOf, resolveInside } from "./place.ts";

/** The pattern of the route, and what answers it. */
export interface DirectoryRoute {
  readonly pattern: `${string}/*`;
  readonly handler: (answered: Answered) => Response | Promise<Response>;
}

/** @throws RobynError ROBYN_DIRECTORY_NOT_FOUND or ROBYN_OPTION_INVALID */
export function directoryRoute(
  route: string,
  directory: string,
  options: DirectoryOptions,
): DirectoryRoute {
  const prefix = route.replace(/\/$/, "");
  const served = new Directory(
    findRoot(route, directory),
    prefix.split("/").length - 1,
    resolveOptions(route, options),
  );
  return { pattern: `${prefix}/*`, handler: (answered) => served.answer(answered) };
}

class Directory {
  readonly #root: string;
  /** Segments of the route: they are in front of every path, whatever they are. */
  readonly #depth: number;
  readonly #settings: DirectorySettings;
  readonly #cache = new FileCache();

  constructor(root: string, depth: number, settings: DirectorySettings) {
    this.#root = root;
    this.#depth = depth;
    this.#settings = settings;
  }

  /** @throws HttpError 404, 412, 416 */
  answer(answered: Answered): Response | Promise<Response> {
    const { url } = answered.request;
    // The path as it was sent is enough to find what was found for it before.
    const key = rawPath(url);
    const known = this.#cache.get(key);
    return known === undefined ? this.#find(answered, key) : this.#send(known, answered);
  }

  #find(answered: Answered, key: string): Response | Promise<Response> {
    const place = placeOf(answered.request.url, this.#depth, this.#settings.dotfiles);
    if (place === undefined) throw new HttpError(404);
    const found = this.#open(place.segments);
    if (found === "directory") return this.#answerDirectory(answered, key, place);
    // `/a.txt/` is no file: the links in it would lead elsewhere.
    if (found === undefined || place.isDirectory) return this.#answerMissing(answered, place);
    return this.#keepAndSend(answered, key, place.segments, found);
  }

  #answerDirectory(answered: Answered, key: string, place: Place): Response | Promise<Response> {
    const { index, listing, dotfiles } = this.#settings;
    const segments = [...place.segments, index];
    const found = this.#open(segments);
    const hasIndex = found !== undefined && found !== "directory";
    if (!hasIndex && !listing) return this.#answerMissing(answered, place);
    // Relative links of the page count from the slash.
    if (!place.isDirectory) return toDirectory(place, answered.request.url);
    if (hasIndex) return this.#keepAndSend(answered, key, segments, found);
    return listingOf(this.#root, place.segments, dotfiles);
  }

  /** @throws HttpError 404, unless it is a navigation in a single-page application. */
  #answerMissing(answered: Answered, { segments }: Place): Response {
    const { spa, index } = this.#settings;
    if (!spa) throw new HttpError(404);
    // A cache may keep a 404 unasked (RFC 9110 §15.5.5), and must not give it to a navigation.
    if (!isNavigation(answered.request, segments))
      throw new HttpError(404, undefined, { headers: { vary: "accept" } });
    // One entry for all paths that lead here. A path never is empty, so no other entry has this key.
    let entry = this.#cache.get("");
    if (entry === undefined) {
      const found = this.#open([index]);
      if (found === undefined || found === "directory") throw new HttpError(404);
      entry = this.#entry([index], found);
      for (const { headers } of entry.representations) {
        // The path of this page is not its own: it must not be kept for a year, nor given to who asked for something else.
        headers.set("cache-control", "no-cache");
        headers.append("vary", "accept");
      }
      this.#cache.put("", entry);
    }
    return this.#send(entry, answered);
  }

  #open(segments: readonly string[]): StoredFile | "directory" | undefined {
    const real = resolveInside(this.#root, segments);
    return real === undefined ? undefined : openStored(real);
  }

  #keepAndSend(
    answered: Answered,
    key: string,
    segments: readonly string[],
    found: StoredFile,
  ): Response {
    const entry = this.#entry(segments, found);
    this.#cache.put(key, entry);
    return this.#send(entry, answered);
  }

  #send(entry: Entry, answered: Answered): Response {
    const { stored, headers } = this.#choose(entry, answered.request);
    return answerStored(stored, headers, answered);
  }

  #choose({ representations }: Entry, request: Request): Sendable {
    const original = representations[0]!;
    if (representations.length === 1) return original;
    const codingOf = ({ headers }: Sendable) => headers.get("content-encoding");
    const encoding = chooseEncoding(request.headers.get("accept-encoding"), (wanted) =>
      representations.some((it) => codingOf(it) === wanted),
    );
    return representations.find((it) => codingOf(it) === encoding) ?? original;
  }

  #entry(segments: readonly string[], found: StoredFile): Entry {
    const { precompressed, download, cacheControl } = this.#settings;
    const name = segments.at(-1)!;
    const requested = join(this.#root, ...segments);
    const headers = headersOf(found, contentTypeOf(name));
    headers.set("cache-control", cacheControl(name));
    if (download) headers.set("content-disposition", contentDisposition("attachment", name));
    const representations: Sendable[] = [{ requested, stored: found, headers }];
    const missing: string[] = [];
    for (const [encoding, extension] of precompressed ? siblings : []) {
      const stored = this.#open([...segments.slice(0, -1), name + extension]);
      if (stored === undefined || stored === "directory") missing.push(requested + extension);
      else
        representations.push(
          encoded({ requested: requested + extension, stored, headers }, encoding),
        );
    }
    // Also on the original: a cache must not give it to who would get another one (RFC 9110 §12.5.5).
    if (representations.length > 1)
      for (const it of representations) it.headers.set("vary", "accept-encoding");
    return { representations, missing, checkedIn: -1 };
  }
}

const siblings: readonly (readonly [Encoding, string])[] = [
  ["zstd", ".zst"],
  ["br", ".br"],
  ["gzip", ".gz"],
];

/** A representation of its own (RFC 9110 §8.8.3.3): its tag differs even where size and time are the same. */
function encoded({ requested, stored, headers }: Sendable, encoding: Encoding): Sendable {
  const own = new Headers(headers);
  const etag = stored.etag.replace(/"$/, `-${encoding}"`);
  own.set("etag", etag);
  own.set("last-modified", new Date(stored.lastModified).toUTCString());
  own.set("content-encoding", encoding);
  return { requested, stored: { ...stored, etag }, headers: own };
}

/**
 * Built from the canonical path, so the target is on this host: it begins with one slash, because an empty segment is
 * no place (`//evil.example/..` never gets here), and `redirect` refuses two.
 */
function toDirectory({ path }: Place, url: string): Response {
  const query = /\?[^#]*/.exec(url)?.[0] ?? "";
  const response = redirect(`${path}/${query}`, 308);
  // A permanent redirect is kept for ever by default; a directory may become a file.
  response.headers.set("cache-control", "no-cache");
  return response;
}

/** A person going to a page, in distinction to a script that fetches data or an image that is missing. */
function isNavigation({ headers }: Request, segments: readonly string[]): boolean {
  const accept = headers.get("accept") ?? "";
  return /(?:^|[,\s])text\/html\s*(?:[,;]|$)/i.test(accept) && !segments.at(-1)?.includes(".");
}

function rawPath(url: string): string {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  const fragment = url.indexOf("#", start);
  const end = query < 0 ? fragment : fragment < 0 ? query : Math.min(query, fragment);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

function findRoot(route: string, directory: string): string {
  const path = resolve(directory);
  try {
    if (statSync(path).isDirectory()) return realpathSync(path);
  } catch {
    // Told below, with what was given.
  }
  throw new RobynError(
    "ROBYN_DIRECTORY_NOT_FOUND",
    `serveDirectory(${JSON.stringify(route)}) was given ${JSON.stringify(directory)}, but ${path} is no directory.`,
    "Create it, or give its path relative to the working directory; join(import.meta.dir, …) is relative to the file.",
  );
}
