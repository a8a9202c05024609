/** Rate limits of one listener, in a map: the same decisions as `native/rate_limit.zig`, shared with nobody. */
import { shortenKey, shortKey_max } from "./rate-key.ts";
import type { RateLimiter, RateLimits, RateWindow, RemoteRateLimits } from "./core.ts";

/** Half as many as the table of the Zig core has room for: there, full buckets make it less. */
const keys_max = 7 * 32_768;
/** What a full table is cut down to, so that one pass over it serves many new keys. */
const kept_max = Math.floor(0.9 * keys_max);

export class PortableRateLimits implements RateLimits {
  remote: RemoteRateLimits | undefined;
  /** When the quota of a key would be full again, in nanoseconds. */
  readonly #full = new Map<string, number>();
  #evictions = 0;

  get evictions(): number {
    return this.#evictions;
  }

  limiter(windows: readonly RateWindow[]): RateLimiter {
    return new PortableRateLimiter(this, windows);
  }

  read(key: string): number {
    return this.#full.get(key) ?? 0;
  }

  write(key: string, full: number, now: number): void {
    if (this.#full.size >= keys_max && !this.#full.has(key)) this.#makeRoom(now);
    this.#full.set(key, full);
  }

  /** First go the keys that have ended, then the oldest. */
  #makeRoom(now: number): void {
    for (const [key, full] of this.#full) if (full <= now) this.#full.delete(key);
    for (const key of this.#full.keys()) {
      if (this.#full.size <= kept_max) break;
      this.#full.delete(key);
      this.#evictions++;
    }
  }
}

interface Asked {
  key: string;
  /** Undefined: the window is not asked. */
  cost: number | undefined;
  full: number;
  retry: number;
}

class PortableRateLimiter implements RateLimiter {
  readonly #limits: PortableRateLimits;
  readonly #windows: readonly RateWindow[];
  readonly #asked: Asked[];
  #now = 0;

  constructor(limits: PortableRateLimits, windows: readonly RateWindow[]) {
    this.#limits = limits;
    this.#windows = windows;
    this.#asked = windows.map(() => ({ key: "", cost: undefined, full: 0, retry: 0 }));
  }

  ask(index: number, key: string, cost: number): void {
    const asked = this.#asked[index]!;
    asked.key = `${this.#windows[index]!.identity}\0${key.length > shortKey_max ? shortenKey(key) : key}`;
    asked.cost = cost;
  }

  skip(index: number): void {
    this.#asked[index]!.cost = undefined;
  }

  decide(now: number): boolean {
    this.#now = Math.floor(now);
    let isAllowed = true;
    for (const [index, asked] of this.#asked.entries()) {
      if (asked.cost === undefined) continue;
      const { interval_ns, burst } = this.#windows[index]!;
      if (asked.cost > burst) throw new TypeError("a cost above the burst");
      asked.full = Math.max(this.#limits.read(asked.key), this.#now);
      asked.retry = Math.max(0, asked.full + (asked.cost - burst) * interval_ns - this.#now);
      if (asked.retry > 0) isAllowed = false;
    }
    if (isAllowed) this.#charge();
    return isAllowed;
  }

  remaining(index: number): number {
    const { interval_ns, burst } = this.#windows[index]!;
    return Math.max(0, Math.floor((burst * interval_ns - this.reset_ns(index)) / interval_ns));
  }

  reset_ns(index: number): number {
    return this.#asked[index]!.full - this.#now;
  }

  retry_ns(index: number): number {
    return this.#asked[index]!.retry;
  }

  #charge(): void {
    for (const [index, asked] of this.#asked.entries()) {
      if (asked.cost === undefined) continue;
      asked.full += asked.cost * this.#windows[index]!.interval_ns;
      this.#limits.write(asked.key, asked.full, this.#now);
    }
  }
}
