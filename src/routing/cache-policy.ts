/** How long, for whom and under which key the answers of a route are kept. */
import { RobynError } from "../errors.ts";
import { isToken } from "../http/method.ts";
import type { Nothing } from "../injection/types.ts";
import type { Context } from "../request/context.ts";
import { describeRoute } from "./refusal.ts";
import type { AnyState, Route } from "./route.ts";

type Asked<State extends object, Injected> = Context<Record<string, string>, State> & Injected;

export interface CachePolicy<State extends object = AnyState, Injected extends object = Nothing> {
  /** Seconds that an answer is fresh, above 0. */
  ttl: number;
  /** Seconds beyond them in which it is still served while one request of the cluster makes another. Default 0. */
  staleWhileRevalidate?: number;
  /** Request headers that the answer depends on: each of their values has an answer of its own. */
  vary?: readonly string[];
  /** Names to invalidate by. A function sees the request that the answer is for, validated. */
  tags?: readonly string[] | ((context: Asked<State, Injected>) => readonly string[]);
  /** What stands in the key in place of the query, for instance the parameters that matter. */
  key?: (context: Asked<State, Injected>) => string;
  /**
   * Whether requests with `Authorization` or `Cookie` are answered from the cache too, and their answers kept for
   * everybody. Default false: such requests always reach the handler.
   */
  credentials?: boolean;
}

const optionNames = ["ttl", "staleWhileRevalidate", "vary", "tags", "key", "credentials"];

export function cachePolicyOf({ options }: Route): CachePolicy | undefined {
  const { cache } = options;
  return typeof cache === "number" ? { ttl: cache } : cache;
}

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkCache(route: Route): void {
  const { cache } = route.options;
  if (cache === undefined) return;
  const policy: unknown = typeof cache === "number" ? { ttl: cache } : cache;
  if (typeof policy !== "object" || policy === null) refuse(route, Bun.inspect(policy));
  if (route.method !== "GET")
    refuse(
      route,
      "a policy, but only answers to GET can be kept: other methods ask for something to be done",
    );
  if (route.options.const === true) refuse(route, "a policy beside const, which never ends");
  for (const name of Object.keys(policy))
    if (!optionNames.includes(name)) refuse(route, `the unknown option "${name}"`);
  const {
    ttl,
    staleWhileRevalidate = 0,
    vary = [],
    tags = [],
    key,
    credentials = false,
  } = cachePolicyOf(route)!;
  if (!(ttl > 0 && ttl <= seconds_max)) refuse(route, `the ttl ${Bun.inspect(ttl)}`);
  if (!(staleWhileRevalidate >= 0 && staleWhileRevalidate <= seconds_max))
    refuse(route, `the staleWhileRevalidate ${Bun.inspect(staleWhileRevalidate)}`);
  if (!Array.isArray(vary) || !vary.every((it) => typeof it === "string" && isToken(it)))
    refuse(route, `the vary ${Bun.inspect(vary)}`);
  if (typeof tags !== "function" && !isTags(tags)) refuse(route, `the tags ${Bun.inspect(tags)}`);
  if (key !== undefined && typeof key !== "function") refuse(route, `the key ${Bun.inspect(key)}`);
  if (typeof credentials !== "boolean")
    refuse(route, `the credentials ${Bun.inspect(credentials)}`);
}

/** The longest time that makes sense, a year (as in RFC 9111 §1.2.2), and exact in nanoseconds. */
const seconds_max = 31_536_000;

function isTags(tags: unknown): tags is readonly string[] {
  return Array.isArray(tags) && tags.every((it) => typeof it === "string");
}

function refuse(route: Route, what: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${describeRoute(route)} was given as "cache" ${what}.`,
    "It takes seconds above 0, or { ttl, staleWhileRevalidate, vary, tags, key, credentials } on a GET route.",
  );
}
