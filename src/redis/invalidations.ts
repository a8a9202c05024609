/**
 * What one cluster says of its kept answers: noted in Redis, where answers are looked for, and told to the others. A
 * message may be lost with a connection, so whoever connects ends all of its own, and whoever could not tell ends all of
 * everybody's: what was invalidated is served by nobody for longer than a connection is missing, at the price of answers
 * that are computed once more.
 *
 * What was told and not yet acknowledged is owed, for all of the cluster to see: as long as something is, nobody of it
 * asks Redis for answers.
 */
import type { CacheDebts } from "../native/core.ts";
import { type CacheKeys, ends_expiry_ms, type RedisCacheOptions } from "./cache.ts";
import { endScript } from "./cache-scripts.ts";

const everything: readonly string[] = [];
const cells_max = 16_384;

export class Invalidations {
  readonly #options: RedisCacheOptions;
  readonly #keys: () => CacheKeys;
  /** Something was lost on the way: only the end of everything makes up for it. */
  #isLost = false;

  constructor(options: RedisCacheOptions, keys: () => CacheKeys) {
    this.#options = options;
    this.#keys = keys;
  }

  /** There is a connection: what was said before it is not known here, and what an earlier one had taken is lost. */
  greet(): void {
    this.#options.cache.apply(everything);
    if (this.#debts !== undefined && this.#debts.due().size > 0) this.#isLost = true;
    this.catchUp();
  }

  /** Called now and then: also for listeners of this cluster that died before they could tell. */
  catchUp(): void {
    const debts = this.#debts;
    if (debts === undefined || !this.#options.connection.isUp) return;
    const due = debts.due();
    const isLeft = [...due.keys()].some((slot) => slot !== debts.slot);
    if (this.#isLost || isLeft) void this.#post(everything, due);
  }

  tell(names: readonly string[], number: number): void {
    const debts = this.#debts;
    if (debts === undefined) return;
    void this.#post(this.#isLost ? everything : names, new Map([[debts.slot, number]]));
  }

  hear(names: readonly string[]): void {
    this.#options.cache.apply(names);
  }

  get #debts(): CacheDebts | undefined {
    return this.#options.cache.debts;
  }

  /** @param due is settled when it has arrived, unless something before it was lost. */
  async #post(names: readonly string[], due: ReadonlyMap<number, number>): Promise<void> {
    const { connection, channel, messageOf } = this.#options;
    const [, ends, list] = this.#keys();
    if (names.length === 0) this.#isLost = false;
    const cells = [...new Set(names.map(cellOf))];
    const given = [crypto.randomUUID(), String(ends_expiry_ms), channel, messageOf(names)];
    const posted = endScript.post(connection, [ends, list], [...given, ...cells]);
    // Before anything else can be told: it is behind what was lost.
    if (posted === undefined) this.#isLost = true;
    try {
      await posted;
      if (this.#isLost) return;
      for (const [slot, number] of due) this.#debts?.settle(slot, number);
    } catch {
      this.#isLost = true;
    }
  }
}

/** The same for everybody, unlike the cells of a segment: Redis is trusted with what it is asked. */
export function cellOf(name: string): string {
  return String(Bun.hash.xxHash64(name) % BigInt(cells_max));
}
