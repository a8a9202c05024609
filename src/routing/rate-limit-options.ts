/** What a rate limit may say, and the refusal of what it may not, where it is defined. */
import { RobynError } from "../errors.ts";
import { isToken } from "../http/method.ts";
import { limits } from "../limits.ts";
import type { Nothing } from "../injection/types.ts";
import type { Context } from "../request/context.ts";
import type { AnyState } from "./route.ts";

type RequestContext<State extends object, Injected> = Context<Record<string, string>, State> &
  Injected;

/** Whom a request is counted for. Undefined: nobody that is known. */
export type RateLimitKey<State extends object = AnyState, Injected extends object = Nothing> =
  | "address"
  | "identity"
  | { readonly header: string }
  | ((context: RequestContext<State, Injected>) => string | undefined);

export interface RateLimitOptions<
  State extends object = AnyState,
  Injected extends object = Nothing,
> {
  /** Units, of which a request costs one, per window. At most 1,000,000 per second. */
  limit: number;
  /** Seconds, up to a year. */
  window: number;
  /** Units that may be spent at once; they come back evenly, `limit` per `window`. Default: `limit`. */
  burst?: number;
  /**
   * Whom a request is counted for: `address` is `ipAddr`, of IPv6 a prefix; `identity` is what a hook put into
   * `state.identity` (a string, a number, or an object with such an `id`); a header; or what a function returns.
   * Default `address`.
   */
  by?: RateLimitKey<State, Injected>;
  /** Bits of an IPv6 address that are one client: whoever has a network has all of its addresses. Default 64. */
  ipv6Prefix?: number;
  /** Limits of one name and the same numbers count together, wherever they stand. Default: each counts alone. */
  name?: string;
  /** Units that a request costs; 0: nothing. Default 1. */
  cost?: number | ((context: RequestContext<State, Injected>) => number);
  /**
   * What becomes of requests without the key that `by` asks for: counted by `address`, counted together as one client
   * (`share`), or not limited (`allow`). Default `address`.
   */
  withoutKey?: "address" | "share" | "allow";
  /** Requests that this limit passes over. */
  skip?: (context: RequestContext<State, Injected>) => boolean;
  /** Whether answers have `RateLimit` and `RateLimit-Policy`. Default true. */
  headers?: boolean;
}

const optionNames = [
  "limit",
  "window",
  "burst",
  "by",
  "ipv6Prefix",
  "name",
  "cost",
  "withoutKey",
  "skip",
  "headers",
] as const satisfies readonly (keyof RateLimitOptions)[];

const window_s_max = 31_536_000;
const count_max = 1_000_000_000;
const perSecond_max = 1_000_000;
const full_s_max = 10 * window_s_max;

/**
 * @param where the definition, for the message: `rateLimit()`, `GET /users`.
 * @throws RobynError ROBYN_OPTION_INVALID naming the option and what it takes.
 */
export function checkRateLimit(where: string, given: unknown): void {
  const windows: readonly unknown[] = Array.isArray(given) ? given : [given];
  const refuse: Refuse = (what, expected) => {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${where} was given ${what} for a rate limit.`,
      expected,
    );
  };
  if (windows.length === 0 || windows.length > limits.rate_limit_windows_max)
    refuse(`${windows.length} windows`, `It takes 1 to ${limits.rate_limit_windows_max}.`);
  const names = new Set<string>();
  for (const options of windows) {
    if (typeof options !== "object" || options === null)
      refuse(Bun.inspect(options), "Write { limit: 100, window: 60 }, or a list of such.");
    checkWindow(options as Readonly<Record<keyof RateLimitOptions, unknown>>, refuse);
    const name = policyName(options as RateLimitOptions);
    if (names.has(name)) refuse(`two windows "${name}"`, "Give each window a name of its own.");
    names.add(name);
  }
}

/** What clients see as the name of the limit: its own, or its numbers. */
export function policyName({ name, limit, window }: RateLimitOptions): string {
  return name ?? `${limit}-in-${window}s`;
}

/** Nanoseconds until one unit is there again, rounded up: never more than the limit allows. */
export function intervalOf({ limit, window }: Pick<RateLimitOptions, "limit" | "window">): number {
  return Math.ceil((window * 1e9) / limit);
}

type Refuse = (what: string, expected: string) => never;
type Given = Readonly<Record<keyof RateLimitOptions, unknown>>;

function checkWindow(given: Given, refuse: Refuse): void {
  for (const name of Object.keys(given)) {
    if ((optionNames as readonly string[]).includes(name)) continue;
    refuse(`the unknown option "${name}"`, `It takes ${optionNames.join(", ")}.`);
  }
  const check = (name: keyof RateLimitOptions, isValid: boolean, expected: string) => {
    if (!isValid) refuse(`${Bun.inspect(given[name])} as ${name}`, `It takes ${expected}.`);
  };
  const { limit, window, burst = limit, by = "address", ipv6Prefix = 64, cost = 1 } = given;
  check("limit", isCount(limit, 1), `a whole number, 1 to ${count_max}`);
  check("window", isSeconds(window), `seconds, more than 0, up to ${window_s_max}`);
  check(
    "limit",
    Number(limit) / Number(window) <= perSecond_max,
    `at most ${perSecond_max} per second`,
  );
  check("burst", isCount(burst, 1), `a whole number, 1 to ${count_max}`);
  check(
    "burst",
    (Number(burst) / Number(limit)) * Number(window) <= full_s_max,
    "what comes back within ten years",
  );
  check(
    "by",
    isKey(by),
    '"address", "identity", { header: "…" } or a function that returns a string',
  );
  check("ipv6Prefix", isCount(ipv6Prefix, 1) && Number(ipv6Prefix) <= 128, "bits, 1 to 128");
  const { name, withoutKey, skip, headers } = given;
  check(
    "name",
    name === undefined || (typeof name === "string" && /^[A-Za-z0-9._:/ -]{1,64}$/.test(name)),
    "up to 64 letters, digits, spaces and . _ : / -",
  );
  check(
    "cost",
    typeof cost === "function" || (isCount(cost, 0) && Number(cost) <= Number(burst)),
    "a function, or a whole number from 0 to the burst",
  );
  check(
    "withoutKey",
    withoutKey === undefined || ["address", "share", "allow"].includes(withoutKey as string),
    '"address", "share" or "allow"',
  );
  check("skip", skip === undefined || typeof skip === "function", "a function");
  check("headers", headers === undefined || typeof headers === "boolean", "true or false");
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= count_max;
}

function isSeconds(value: unknown): boolean {
  return typeof value === "number" && value > 0 && value <= window_s_max;
}

function isKey(by: unknown): boolean {
  if (by === "address" || by === "identity" || typeof by === "function") return true;
  if (typeof by !== "object" || by === null || Object.keys(by).join() !== "header") return false;
  const { header } = by as { header: unknown };
  return typeof header === "string" && isToken(header);
}
