/**
 * One route whose answers are kept. It stands where the handler stood: before hooks have run, after hooks follow.
 *
 * first level ─▶ store ─▶ somebody computes it: wait ─▶ another cluster has it ─▶ compute, keep, answer
 *                  └── stale: answer, and one of the cluster gets another
 */
import { endRequest } from "../injection/request-values.ts";
import type { Logger } from "../logger.ts";
import { cacheCounter } from "../native/cache-counters.ts";
import type { CachedAnswer, CacheStore } from "../native/core.ts";
import { untilComputed } from "../native/until-computed.ts";
import { toResponse } from "../response/to-response.ts";
import type { CachePolicy } from "../routing/cache-policy.ts";
import type { AnyContext } from "../routing/route.ts";
import type { FirstLevel } from "./first-level.ts";
import { KeyMaker } from "./key.ts";
import { cellsOf, type Looked, type OtherClusters } from "./other-clusters.ts";
import { Ready, respondWith } from "./ready.ts";
import { hasCredentials, keep, writeHead } from "./storable.ts";
import { Passes } from "./passes.ts";

export interface CachedRouteOptions {
  readonly policy: CachePolicy;
  readonly handler: (context: AnyContext) => unknown;
  /** Status for plain values. */
  readonly statusCode: number;
  /** Longest computation that others wait for. */
  readonly leaseSeconds: number;
  readonly isProxied: boolean;
  readonly store: CacheStore;
  readonly others: OtherClusters;
  readonly firstLevel: FirstLevel;
  readonly logger: Logger;
}

/** What a computation came to: kept, so that others have it, or for one request alone. */
interface Computed {
  readonly response: Response;
  readonly answer: CachedAnswer | undefined;
}

/** Longer ones run at once. */
const timer_ms_max = 2 ** 31 - 1;

export class CachedRoute {
  readonly #options: CachedRouteOptions;
  readonly #store: CacheStore;
  readonly #first: FirstLevel;
  readonly #keys: KeyMaker;
  readonly #vary: readonly string[];
  readonly #forEverybody: boolean;
  /** Computations that requests of this process wait for. */
  readonly #underWay = new Map<string, Promise<CachedAnswer | undefined>>();
  readonly #passes = new Passes();

  constructor(options: CachedRouteOptions) {
    const { policy, store, firstLevel, isProxied } = options;
    this.#options = options;
    this.#store = store;
    this.#first = firstLevel;
    this.#keys = new KeyMaker(policy, isProxied);
    this.#vary = (policy.vary ?? []).map((name) => name.toLowerCase());
    this.#forEverybody = policy.credentials === true;
  }

  answer(context: AnyContext): unknown {
    if (!this.#forEverybody && hasCredentials(context.request.headers))
      return this.#bypass(context);
    const first = this.#keys.first(context);
    const response = this.#first.get(first)?.respond();
    if (response === undefined) return this.#look(context, first);
    this.#count(cacheCounter.hits);
    return response;
  }

  #look(context: AnyContext, first: string): unknown {
    const key = this.#keys.full(context);
    const change = this.#store.change();
    const found = this.#store.get(key);
    if (found === undefined) {
      this.#first.delete(first);
      this.#count(cacheCounter.misses);
      // A handler may answer HEAD without a body, which would then be missing in the answer to GET.
      return context.method === "HEAD"
        ? this.#options.handler(context)
        : this.#compute(context, key);
    }
    if (this.#store.now() < found.freshUntil) {
      this.#count(cacheCounter.hits);
      const ready = new Ready(this.#store, key, found, change);
      this.#first.set(first, ready);
      return ready.respond() ?? respondWith(found, this.#store.now(), "hit");
    }
    this.#count(cacheCounter.stale);
    this.#refresh(context, key);
    return respondWith(found, this.#store.now(), "hit");
  }

  #bypass(context: AnyContext): unknown {
    this.#count(cacheCounter.bypassed);
    return this.#options.handler(context);
  }

  /** @param isAgain after what was waited for had been invalidated meanwhile */
  async #compute(context: AnyContext, key: string, isAgain = false): Promise<unknown> {
    if (this.#passes.has(key)) return this.#options.handler(context);
    const others = this.#underWay.get(key);
    if (others !== undefined) return this.#wait(context, key, others, isAgain);
    if (this.#store.acquire(key, this.#options.leaseSeconds)) return this.#lead(context, key);
    const computed = untilComputed(this.#store, key);
    this.#announce(key, computed);
    const answer = await computed;
    // Nothing came: whoever was at it died, failed, or made what may not be kept. From here on each for itself.
    if (answer === undefined && this.#store.acquire(key, this.#options.leaseSeconds))
      return this.#lead(context, key);
    return this.#wait(context, key, Promise.resolve(answer), isAgain);
  }

  async #wait(
    context: AnyContext,
    key: string,
    others: Promise<CachedAnswer | undefined>,
    isAgain: boolean,
  ): Promise<unknown> {
    const answer = await others;
    // The computation may have begun before an invalidation that this request came after.
    const isEnded = answer !== undefined && !this.#store.isValid(answer);
    if (isEnded && !isAgain) return this.#compute(context, key, true);
    if (answer === undefined || isEnded) return this.#options.handler(context);
    this.#count(cacheCounter.waited);
    return respondWith(answer, this.#store.now(), "fwd=miss; collapsed");
  }

  /** Computes what the lease of `key` is held for, keeps it if it may, and lets the lease go. */
  async #lead(context: AnyContext, key: string): Promise<Response> {
    const { promise, resolve } = Promise.withResolvers<CachedAnswer | undefined>();
    this.#announce(key, promise);
    let answer: CachedAnswer | undefined;
    try {
      // Somebody may have finished between the look and the lease.
      answer = this.#freshOf(key);
      if (answer !== undefined) return respondWith(answer, this.#store.now(), "hit");
      const { others } = this.#options;
      const looked = others.areThere ? await others.look(key) : undefined;
      answer = looked?.taken;
      if (answer !== undefined) {
        this.#count(cacheCounter.fetched);
        return respondWith(answer, this.#store.now(), "fwd=miss; stored", looked?.name);
      }
      const computed = await this.#run(context, key, looked);
      answer = computed.answer;
      return computed.response;
    } finally {
      if (answer === undefined) this.#passes.add(key);
      resolve(answer);
      this.#store.release(key);
    }
  }

  /** Requests of this process wait as long as those of others: a handler that hangs must not hold its key for ever. */
  #announce(key: string, computation: Promise<CachedAnswer | undefined>): void {
    const { promise, resolve } = Promise.withResolvers<CachedAnswer | undefined>();
    const lease_ms = Math.min(this.#options.leaseSeconds * 1_000, timer_ms_max);
    const timer = setTimeout(resolve, lease_ms, undefined);
    const end = (answer: CachedAnswer | undefined) => {
      clearTimeout(timer);
      resolve(answer);
    };
    computation.then(end, () => end(undefined));
    this.#underWay.set(key, promise);
    void promise.then(() => {
      if (this.#underWay.get(key) === promise) this.#underWay.delete(key);
    });
  }

  async #run(context: AnyContext, key: string, looked: Looked | undefined): Promise<Computed> {
    const { handler, policy, statusCode } = this.#options;
    const born = this.#store.latest();
    // What hooks have set is for this request alone; what the handler sets is part of its answer.
    const outer = context.exchangeResponseHeaders(undefined);
    let own: Headers | undefined;
    let response: Response;
    try {
      const value = await handler(context);
      response = context.addHeadersTo(await toResponse(value, statusCode, context));
    } finally {
      own = context.exchangeResponseHeaders(outer);
      for (const name of own?.keys() ?? []) if (name !== "set-cookie") outer?.delete(name);
    }
    const kept = await keep(response, this.#vary, this.#store.bodyBytesMax);
    const names = kept === undefined ? [] : this.#namesOf(context);
    const storedAt = this.#store.now();
    const freshUntil = storedAt + policy.ttl * 1e9;
    const answer = kept && {
      born,
      storedAt,
      freshUntil,
      staleUntil: freshUntil + (policy.staleWhileRevalidate ?? 0) * 1e9,
      cells: cellsOf(this.#store, names),
      head: writeHead(kept),
      body: kept.body,
    };
    if (answer === undefined || !this.#store.put(key, answer)) {
      this.#count(cacheCounter.refused);
      if (!response.headers.has("cache-status"))
        response.headers.set("cache-status", "robyn; fwd=miss");
      return { response, answer: undefined };
    }
    this.#count(cacheCounter.stored);
    looked?.keep(answer, names);
    return { response: respondWith(answer, storedAt, "fwd=miss; stored"), answer };
  }

  /** One of the cluster makes another answer, behind the back of the request that got the stale one. */
  #refresh(context: AnyContext, key: string): void {
    if (this.#underWay.has(key) || this.#passes.has(key)) return;
    const detached = context.detach();
    if (detached === undefined || !this.#store.acquire(key, this.#options.leaseSeconds)) return;
    this.#lead(detached, key)
      .then(
        (response) => void response.body?.cancel().catch(() => {}),
        (error) =>
          this.#options.logger.error(`${context.route}: its answer could not be renewed`, error),
      )
      .finally(() => endRequest(detached));
  }

  #freshOf(key: string): CachedAnswer | undefined {
    const found = this.#store.get(key);
    return found !== undefined && this.#store.now() < found.freshUntil ? found : undefined;
  }

  #namesOf(context: AnyContext): string[] {
    const { tags = [] } = this.#options.policy;
    const names = typeof tags === "function" ? tags(context) : tags;
    return [`path ${context.path}`, ...names.map((tag) => `tag ${tag}`)];
  }

  #count(which: number): void {
    this.#store.counters[which]!++;
  }
}
