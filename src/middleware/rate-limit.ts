/** Rate limits, exact across the processes of a cluster, as a before hook and as route option. */
import { HttpError, RobynError } from "../errors.ts";
import type {
  AskedWindow,
  RateDecision,
  RateLimiter,
  RemoteRateLimits,
  Segment,
} from "../native/core.ts";
import { checkRateLimit, type RateLimitOptions } from "../routing/rate-limit-options.ts";
import { intervalOf, policyName } from "../routing/rate-limit-options.ts";
import type { AnyContext, AnyState, BeforeHook, Route } from "../routing/route.ts";
import { type KeyOf, keyOf } from "./rate-limit-key.ts";

type Windows<State extends object> = RateLimitOptions<State> | readonly RateLimitOptions<State>[];

/**
 * Limits how often a client may ask: `app.beforeRequest("/api/*", rateLimit({ limit: 100, window: 60 }))`. Of several
 * windows all have to allow, and a refused request is charged to none. A refusal is a problem document with 429 and
 * `Retry-After`.
 *
 * A limit without a name counts alone; in a cluster it is found again by the order of definitions, which has to be the
 * same in every process. Where it may not be, give it a name.
 *
 * @throws RobynError ROBYN_OPTION_INVALID
 */
export function rateLimit<State extends object = AnyState>(
  options: Windows<State>,
): BeforeHook<State> {
  checkRateLimit("rateLimit()", options);
  return hookOf(`hook ${unnamed++}`, options as Windows<AnyState>) as BeforeHook<State>;
}

let unnamed = 0;

/** The hook of the route option `rateLimit`: a limit without a name counts for this route alone. */
export function routeRateLimit(route: Route): BeforeHook<AnyState> | undefined {
  const { rateLimit: options } = route.options;
  return options === undefined ? undefined : hookOf(`${route.method} ${route.path}`, options);
}

function hookOf(place: string, options: Windows<AnyState>): BeforeHook<AnyState> {
  const list = Array.isArray(options) ? options : [options];
  const limit = new RateLimit(list.map((it) => windowOf(place, it)));
  return (context) => limit.check(context);
}

/** One window, with everything that is the same for every request. */
interface Window {
  readonly name: string;
  readonly identity: string;
  readonly interval_ns: number;
  readonly burst: number;
  readonly keyOf: KeyOf;
  readonly costOf: (context: AnyContext) => number;
  readonly skip: ((context: AnyContext) => boolean) | undefined;
  /** Member of `RateLimit-Policy`; undefined where this window is not shown. */
  readonly policy: string | undefined;
  /** Beginning of its member of `RateLimit`. */
  readonly quoted: string;
}

function windowOf(place: string, options: RateLimitOptions): Window {
  const { limit, window, burst = limit, cost = 1, headers = true } = options;
  const name = policyName(options);
  const numbers = `${limit}/${window}/${burst}`;
  return {
    name,
    identity: options.name === undefined ? `${place} ${numbers}` : `name ${name} ${numbers}`,
    interval_ns: intervalOf(options),
    burst,
    keyOf: keyOf(options),
    costOf: typeof cost === "number" ? () => cost : (context) => checkCost(cost(context), burst),
    skip: options.skip,
    policy: headers ? `"${name}";q=${limit};w=${Math.ceil(window)}` : undefined,
    quoted: `"${name}"`,
  };
}

/** What the windows say of a decision, whoever made it. */
type Decided = Pick<RateDecision, "remaining" | "reset_ns" | "retry_ns">;

class RateLimit {
  readonly #windows: readonly Window[];
  /** An app and its segment are one pair, but a hook may be part of several apps. */
  readonly #limiters = new WeakMap<Segment, RateLimiter>();

  constructor(windows: readonly Window[]) {
    this.#windows = windows;
  }

  /** @throws HttpError 429 */
  check(context: AnyContext): undefined | Promise<undefined> {
    // What the application decides comes first: the limiter is one for all requests, and must not be left half asked.
    const keys: (string | undefined)[] = [];
    const costs: number[] = [];
    for (const { skip, keyOf, costOf } of this.#windows) {
      const key = skip?.(context) === true ? undefined : keyOf(context);
      keys.push(key);
      costs.push(key === undefined ? 0 : costOf(context));
    }
    const { remote } = context.segment.rateLimits;
    if (remote === undefined) return this.#checkHere(keys, costs, context);
    return this.#checkElsewhere(remote, keys, costs, context);
  }

  async #checkElsewhere(
    remote: RemoteRateLimits,
    keys: readonly (string | undefined)[],
    costs: readonly number[],
    context: AnyContext,
  ): Promise<undefined> {
    const asked = keys.map((key, index): AskedWindow | undefined =>
      key === undefined ? undefined : { key, cost: costs[index]! },
    );
    if (asked.every((it) => it === undefined)) return undefined;
    const decision = await remote.decide(this.#windows, asked);
    if (decision === undefined) return this.#checkHere(keys, costs, context);
    return this.#conclude(decision.isAllowed, keys, decision, context);
  }

  #checkHere(
    keys: readonly (string | undefined)[],
    costs: readonly number[],
    context: AnyContext,
  ): undefined {
    const { segment } = context;
    const limiter = this.#limiterOf(segment);
    let isAsked = false;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index];
      if (key === undefined) {
        limiter.skip(index);
        continue;
      }
      limiter.ask(index, key, costs[index]!);
      isAsked = true;
    }
    if (!isAsked) return undefined;
    return this.#conclude(limiter.decide(segment.now()), keys, limiter, context);
  }

  #conclude(
    isAllowed: boolean,
    keys: readonly (string | undefined)[],
    decided: Decided,
    context: AnyContext,
  ): undefined {
    for (let index = 0; index < keys.length; index++)
      if (keys[index] !== undefined) addFields(this.#windows[index]!, index, decided, context);
    if (isAllowed) return undefined;
    throw this.#refusal(keys, decided);
  }

  #limiterOf(segment: Segment): RateLimiter {
    const known = this.#limiters.get(segment);
    if (known !== undefined) return known;
    const limiter = segment.rateLimits.limiter(this.#windows);
    this.#limiters.set(segment, limiter);
    return limiter;
  }

  #refusal(keys: readonly unknown[], decided: Decided): HttpError {
    const violated = this.#windows.flatMap(({ name }, index) =>
      keys[index] !== undefined && decided.retry_ns(index) > 0
        ? [{ name, retry: toSeconds(decided.retry_ns(index)) }]
        : [],
    );
    const retry = Math.max(...violated.map((it) => it.retry));
    return new HttpError(429, `too many requests; the next one is allowed in ${retry} s`, {
      type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
      headers: { "retry-after": String(retry) },
      extensions: { "violated-policies": violated.map(({ name }) => name) },
    });
  }
}

/** draft-ietf-httpapi-ratelimit-headers-11 §3, §4. Several limits of a request make one list. */
function addFields(window: Window, index: number, decided: Decided, context: AnyContext): void {
  if (window.policy === undefined) return;
  context.addField("ratelimit-policy", window.policy);
  context.addField(
    "ratelimit",
    `${window.quoted};r=${decided.remaining(index)};t=${toSeconds(decided.reset_ns(index))}`,
  );
}

/** Rounded up: who waits so long is let in. */
function toSeconds(nanoseconds: number): number {
  return Math.ceil(nanoseconds / 1e9);
}

function checkCost(cost: unknown, burst: number): number {
  if (typeof cost === "number" && Number.isInteger(cost) && cost >= 0 && cost <= burst) return cost;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `The cost of a rate limit returned ${Bun.inspect(cost)}.`,
    `It has to be a whole number from 0 to the burst, ${burst}: no waiting would ever allow more.`,
  );
}
