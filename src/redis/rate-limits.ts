/** Rate limits in Redis: the same decisions as `native/rate_limit.zig`, one round trip for all windows of a request. */
import type { AskedWindow, RateDecision, RateWindow, RemoteRateLimits } from "../native/core.ts";
import { shortenKey, shortKey_max } from "../native/rate-key.ts";
import type { Connection } from "./connection.ts";
import { Script } from "./script.ts";

/**
 * A quota is kept as what is missing from it (in nanoseconds) at a point in time (in microseconds, of Redis' clock, which
 * is the one that all have in common). As one number, nanoseconds since 1970, a double would be off by 256 of them.
 *
 * ARGV: the time or 0, then interval, burst and cost of each key. Returns what is missing and the time to wait of each.
 */
const decision = new Script(`
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
end
local missing, answer, allowed = {}, {}, true
for at = 1, #KEYS do
  local interval, burst, cost = tonumber(ARGV[3 * at - 1]), tonumber(ARGV[3 * at]), tonumber(ARGV[3 * at + 1])
  local kept = redis.call("GET", KEYS[at])
  local debt = 0
  if kept then
    local then_us, debt_then = string.match(kept, "^(%d+) (%d+)$")
    debt = math.max(0, debt_then - math.max(0, now - then_us) * 1000)
  end
  missing[at] = debt
  answer[2 * at] = math.max(0, debt + (cost - burst) * interval)
  if answer[2 * at] > 0 then allowed = false end
end
for at = 1, #KEYS do
  if allowed then
    missing[at] = missing[at] + ARGV[3 * at + 1] * ARGV[3 * at - 1]
    if missing[at] > 0 then
      local value = string.format("%.0f %.0f", now, missing[at])
      redis.call("SET", KEYS[at], value, "PX", string.format("%.0f", math.ceil(missing[at] / 1000000)))
    end
  end
  answer[2 * at - 1] = missing[at]
end
answer[2 * #KEYS + 1] = allowed and 1 or 0
return answer`);

export class RedisRateLimits implements RemoteRateLimits {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #now_us: () => number;
  fallbacks = 0;

  /** @param now_us for tests; 0 asks Redis. */
  constructor(connection: Connection, prefix: string, now_us: () => number = () => 0) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#now_us = now_us;
  }

  async decide(
    windows: readonly RateWindow[],
    asked: readonly (AskedWindow | undefined)[],
  ): Promise<RateDecision | undefined> {
    if (!this.#connection.isPrompt) return this.#nobody();
    const keys: string[] = [];
    const numbers: string[] = [];
    /** Where the answer of each window stands. */
    const places = asked.map((it, index) => {
      if (it === undefined) return -1;
      const { identity, interval_ns, burst } = windows[index]!;
      if (it.cost > burst) throw new TypeError("a cost above the burst");
      const key = it.key.length > shortKey_max ? shortenKey(it.key) : it.key;
      numbers.push(String(interval_ns), String(burst), String(it.cost));
      return keys.push(`${this.#prefix}:limit:${identity}\0${key}`) - 1;
    });
    const args = [String(this.#now_us()), ...numbers];
    try {
      const reply = await decision.run(this.#connection, keys, args);
      if (Array.isArray(reply)) return decisionOf(reply.map(Number), windows, places);
    } catch {
      // Lost, late, or refused by Redis: the limits of this cluster decide.
    }
    return this.#nobody();
  }

  #nobody(): undefined {
    this.fallbacks++;
  }
}

function decisionOf(
  reply: readonly number[],
  windows: readonly RateWindow[],
  places: readonly number[],
): RateDecision {
  const missing = (index: number) => reply[2 * places[index]!] ?? 0;
  return {
    isAllowed: reply.at(-1) === 1,
    remaining(index) {
      const { interval_ns, burst } = windows[index]!;
      return Math.max(0, Math.floor((burst * interval_ns - missing(index)) / interval_ns));
    },
    reset_ns: missing,
    retry_ns: (index) => reply[2 * places[index]! + 1] ?? 0,
  };
}
