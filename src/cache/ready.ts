/** An answer of the cache, ready to be sent: the way that most requests take. */
import type { CachedAnswer, CacheStore } from "../native/core.ts";
import { readHead } from "./storable.ts";

/**
 * A response that is cloned for every hit. Cloning costs 180 ns, making one of bytes and headers 340. It is made anew
 * every second, because `Age` counts seconds (RFC 9111 §5.1); the store learns then that it is still asked for.
 */
export class Ready {
  readonly bytes: number;
  /** Asked for since it was last looked at: what is not makes room for others. */
  visited = false;
  readonly #store: CacheStore;
  readonly #key: string;
  readonly #answer: CachedAnswer;
  readonly #freshUntil_ms: number;
  #change: number;
  #renewAt_ms = 0;
  #prepared: Response | undefined;

  /** @param change read before the store was asked for the answer: an invalidation in between is then seen. */
  constructor(store: CacheStore, key: string, answer: CachedAnswer, change: number) {
    this.#store = store;
    this.#key = key;
    this.#answer = answer;
    this.#change = change;
    this.#freshUntil_ms = performance.now() + (answer.freshUntil - store.now()) / 1e6;
    this.bytes = 2 * (key.length + answer.head.length) + answer.body.length;
  }

  /** @returns undefined once it is stale or invalidated. */
  respond(): Response | undefined {
    const now = performance.now();
    if (now >= this.#renewAt_ms && !this.#renew(now)) return undefined;
    const change = this.#store.change();
    if (change !== this.#change) {
      if (!this.#store.isValid(this.#answer)) return undefined;
      this.#change = change;
    }
    this.visited = true;
    // The type packages disagree about what `clone()` returns.
    return this.#prepared!.clone() as Response;
  }

  #renew(now: number): boolean {
    if (now >= this.#freshUntil_ms) return false;
    if (this.#prepared !== undefined) this.#store.touch(this.#key);
    const at = this.#store.now();
    this.#prepared = respondWith(this.#answer, at, "hit");
    const nextSecond_ms = 1_000 - (((at - this.#answer.storedAt) / 1e6) % 1_000);
    this.#renewAt_ms = Math.min(now + nextSecond_ms, this.#freshUntil_ms);
    return true;
  }
}

/** How it came to be sent, in the words of RFC 9211. */
export type Origin = "hit" | "fwd=miss; stored" | "fwd=miss; collapsed";

/** @param behind what had it, where that was no handler: the one nearest to the origin is named first. */
export function respondWith(
  answer: CachedAnswer,
  now: number,
  origin: Origin,
  behind?: string,
): Response {
  const { status, headers } = readHead(answer.head);
  const response = new Response(answer.body.length === 0 ? null : answer.body, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
  const ttl = Math.ceil((answer.freshUntil - now) / 1e9);
  response.headers.set("age", String(Math.max(0, Math.floor((now - answer.storedAt) / 1e9))));
  if (behind !== undefined) response.headers.append("cache-status", `${behind}; hit; ttl=${ttl}`);
  response.headers.append("cache-status", `robyn; ${origin}; ttl=${ttl}`);
  return response;
}
