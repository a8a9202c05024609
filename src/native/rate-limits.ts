/** Rate limits in the segment: a thin class over `robyn_rate_limit_*`. One native call per request, whatever its windows. */
import type { Pointer } from "bun:ffi";
import { limits } from "../limits.ts";
import type { RateLimiter, RateLimits, RateWindow, RemoteRateLimits } from "./core.ts";
import { allocateShared, type NativeSymbols, type TextBuffer, textBuffer } from "./library.ts";
import { shortenKey, shortKey_max } from "./rate-key.ts";
import { statusName } from "./route-table.ts";
import { costNone, rateWindowBytes, sizes } from "./symbols.ts";

export class ZigRateLimits implements RateLimits {
  remote: RemoteRateLimits | undefined;
  readonly #native: NativeSymbols;
  readonly #segment: Pointer;

  constructor(native: NativeSymbols, segment: Pointer) {
    this.#native = native;
    this.#segment = segment;
  }

  get evictions(): number {
    return this.#native.robyn_rate_limit_evictions(this.#segment);
  }

  limiter(windows: readonly RateWindow[]): RateLimiter {
    return new ZigRateLimiter(this.#native, this.#segment, windows);
  }
}

const wordsPerWindow = sizes.RateWindow / 4;
const doublesPerWindow = sizes.RateWindow / 8;
const word = (bytes: number): number => bytes / 4;
const double = (bytes: number): number => bytes / 8;

/** One UTF-16 unit takes at most three bytes, so what is asked always fits and is never cut. */
const textBytes = 3 * shortKey_max * limits.rate_limit_windows_max;

class ZigRateLimiter implements RateLimiter {
  readonly #native: NativeSymbols;
  readonly #segment: Pointer;
  readonly #count: number;
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #windowsPointer: Pointer;
  readonly #text: TextBuffer;
  readonly #textPointer: Pointer;
  /** The key that was written last: most windows of a request have the same. */
  #key: string | undefined;
  #start = 0;
  #end = 0;

  constructor(native: NativeSymbols, segment: Pointer, windows: readonly RateWindow[]) {
    const memory = allocateShared(sizes.RateWindow * windows.length);
    const text = allocateShared(textBytes);
    this.#native = native;
    this.#segment = segment;
    this.#count = windows.length;
    this.#words = new Uint32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
    this.#windowsPointer = memory.pointer;
    this.#text = textBuffer(text.buffer);
    this.#textPointer = text.pointer;
    const longs = new BigUint64Array(memory.buffer);
    for (const [index, { identity, interval_ns, burst }] of windows.entries()) {
      const at = index * sizes.RateWindow;
      longs[(at + rateWindowBytes.identity) / 8] = BigInt(Bun.hash(identity));
      longs[(at + rateWindowBytes.interval_ns) / 8] = BigInt(interval_ns);
      this.#words[word(at + rateWindowBytes.burst)] = burst;
      this.skip(index);
    }
  }

  ask(index: number, key: string, cost: number): void {
    if (key !== this.#key) {
      this.#start = this.#end;
      this.#end += this.#text.utf8Write(
        key.length > shortKey_max ? shortenKey(key) : key,
        this.#start,
      );
      this.#key = key;
    }
    const at = index * wordsPerWindow;
    this.#words[at + word(rateWindowBytes.cost)] = cost;
    this.#words[at + word(rateWindowBytes.key_start)] = this.#start;
    this.#words[at + word(rateWindowBytes.key_end)] = this.#end;
  }

  skip(index: number): void {
    this.#words[index * wordsPerWindow + word(rateWindowBytes.cost)] = costNone;
  }

  decide(now: number): boolean {
    const result = this.#native.robyn_rate_limit_decide(
      this.#segment,
      this.#windowsPointer,
      this.#count,
      this.#textPointer,
      this.#end,
      now,
    );
    this.#key = undefined;
    this.#end = 0;
    if (result < 0) throw new TypeError(`robyn_rate_limit_decide: ${statusName(result)}`);
    return result === 1;
  }

  remaining(index: number): number {
    return this.#words[index * wordsPerWindow + word(rateWindowBytes.remaining)]!;
  }

  reset_ns(index: number): number {
    return this.#doubles[index * doublesPerWindow + double(rateWindowBytes.reset_ns)]!;
  }

  retry_ns(index: number): number {
    return this.#doubles[index * doublesPerWindow + double(rateWindowBytes.retry_ns)]!;
  }
}
