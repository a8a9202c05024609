/** What a cluster has not told the others of its invalidations: a thin class over `robyn_cache_debt_*`. */
import type { Pointer } from "bun:ffi";
import { limits } from "../limits.ts";
import type { CacheHome } from "./cache-store.ts";
import type { CacheDebts } from "./core.ts";
import type { NativeSymbols } from "./library.ts";

export class ZigCacheDebts implements CacheDebts {
  readonly slot: number;
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;

  constructor({ native, handle, slot }: CacheHome) {
    this.slot = slot;
    this.#native = native;
    this.#handle = handle;
  }

  incur(): number {
    return this.#native.robyn_cache_debt_incur(this.#handle, this.slot);
  }

  settle(slot: number, number: number): void {
    this.#native.robyn_cache_debt_settle(this.#handle, slot, number);
  }

  areOpen(): boolean {
    return this.#native.robyn_cache_debts_are_open(this.#handle) !== 0;
  }

  due(): Map<number, number> {
    const due = new Map<number, number>();
    for (let slot = 0; slot < limits.slots_max; slot++) {
      const left = slot === this.slot ? 0 : 1;
      const number = this.#native.robyn_cache_debt_owed(this.#handle, slot, left);
      if (number > 0) due.set(slot, number);
    }
    return due;
  }
}
