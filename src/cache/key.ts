/**
 * What belongs to the key of a cached answer: deploy, origin, canonical path, the headers of `vary`, the query or what
 * stands in its place. Without the origin, an answer that names its host would be served to the clients of another
 * one, and a client could choose it (cache poisoning by `Host`).
 */
import { generation } from "../native/segment-place.ts";
import type { CachePolicy } from "../routing/cache-policy.ts";
import type { AnyContext } from "../routing/route.ts";

export class KeyMaker {
  readonly #vary: readonly string[];
  readonly #key: CachePolicy["key"];
  readonly #isProxied: boolean;
  /** Whether the URL alone says which answer is meant. */
  readonly #isPlain: boolean;

  constructor({ vary = [], key }: CachePolicy, isProxied: boolean) {
    this.#vary = vary.map((name) => name.toLowerCase());
    this.#key = key;
    this.#isProxied = isProxied;
    this.#isPlain = this.#vary.length === 0 && key === undefined && !isProxied;
  }

  /** What is cheap to know and says which answer is meant; URLs that mean the same may differ. */
  first(context: AnyContext): string {
    return this.#isPlain ? context.request.url : this.full(context);
  }

  full(context: AnyContext): string {
    const { request } = context;
    const { url } = request;
    // Behind proxies, scheme and host are what they say; otherwise they stand in the URL.
    const origin = this.#isProxied ? `${context.scheme}://${context.host}` : originOf(url);
    const parts = [generation, origin, context.path];
    for (const name of this.#vary) parts.push(request.headers.get(name) ?? "\0");
    parts.push(this.#key === undefined ? queryOf(url) : `=${this.#key(context)}`);
    return parts.join("\n");
  }
}

/** Deploys are counted by each cluster for itself. */
export function withoutGeneration(key: string): string {
  return key.slice(key.indexOf("\n") + 1);
}

function originOf(url: string): string {
  const authority = url.indexOf("//") + 2;
  if (authority < 2 || url.startsWith("/")) return "";
  const end = url.slice(authority).search(/[/?#]/);
  return end < 0 ? url : url.slice(0, authority + end);
}

function queryOf(url: string): string {
  const start = url.indexOf("?");
  const end = url.indexOf("#");
  return start < 0 ? "" : url.slice(start, end < 0 ? undefined : end);
}
