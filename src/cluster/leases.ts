/**
 * Names that belong to one listener at a time. The primary holds the only copy, so there is no vote and no time-out:
 * a name is free when its holder has released it or its process has ended.
 */

interface Claim {
  readonly slot: number;
  readonly generation: number;
}

export class Leases {
  readonly #holders = new Map<string, number>();
  readonly #waiting = new Map<string, Claim[]>();
  readonly #onGrant: (slot: number, name: string) => void;

  constructor(onGrant: (slot: number, name: string) => void) {
    this.#onGrant = onGrant;
  }

  claim(name: string, claim: Claim): void {
    const waiting = this.#waiting.get(name) ?? [];
    this.#waiting.set(name, [...waiting, claim]);
    this.#grant(name);
  }

  /** Only the holder can release. */
  release(name: string, slot: number): void {
    if (this.#holders.get(name) !== slot) return;
    this.#holders.delete(name);
    this.#grant(name);
  }

  /** It drains: it keeps what it holds until it releases it, and gets nothing more. */
  retire(slot: number): void {
    for (const [name, claims] of this.#waiting) {
      this.#waiting.set(
        name,
        claims.filter((it) => it.slot !== slot),
      );
    }
  }

  /** Its process has ended. */
  forget(slot: number): void {
    this.retire(slot);
    for (const [name, holder] of this.#holders) if (holder === slot) this.release(name, slot);
  }

  /** The newest code first: in a reload what is handed on must not go to a worker that is the next to leave. */
  #grant(name: string): void {
    const [next, ...rest] = (this.#waiting.get(name) ?? []).toSorted(
      (one, other) => other.generation - one.generation,
    );
    if (next === undefined || this.#holders.has(name)) return;
    this.#waiting.set(name, rest);
    this.#holders.set(name, next.slot);
    this.#onGrant(next.slot, name);
  }
}
