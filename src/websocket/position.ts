/**
 * Where a follower is in a topic: for each publisher, the number of its last message that the follower has seen.
 *
 * A single number would not do. Every process numbers its own messages, and two processes see the messages of a third
 * and of each other in different orders; a client that comes back may reach another process. With one number per
 * publisher, "what has this client not seen" has an exact answer in each of them.
 *
 * On the wire `publisher:number,…`, the last as decimal; `0` for none.
 */

/** Publishers in one position. The oldest are forgotten beyond, so that ids do not grow with every restart. */
export const publishers_max = 64;
/** There may be more where so many are active. */
const text_max = 4_096;
/** Of nobody anything was seen: clients take an empty id for none. */
const nowhere = "0";

export class Position {
  /** In the order of the last message, oldest first. */
  readonly #seen: Map<string, number>;

  constructor(seen: Iterable<readonly [string, number]> = []) {
    this.#seen = new Map(seen);
  }

  /** @returns undefined for what no `toString` made. */
  static parse(text: string): Position | undefined {
    if (text.length > text_max) return undefined;
    const seen = new Map<string, number>();
    if (text === nowhere) return new Position();
    for (const member of text.split(",")) {
      const found = /^([a-z0-9]{1,24}):([1-9]\d{0,15})$/.exec(member);
      if (found === null || seen.has(found[1]!)) return undefined;
      const sequence = Number(found[2]);
      if (!Number.isSafeInteger(sequence)) return undefined;
      seen.set(found[1]!, sequence);
    }
    return new Position(seen);
  }

  /** Number of the last message of `publisher`, 0 for none. */
  of(publisher: string): number {
    return this.#seen.get(publisher) ?? 0;
  }

  get members(): Iterable<readonly [publisher: string, sequence: number]> {
    return this.#seen;
  }

  get publishers(): Iterable<string> {
    return this.#seen.keys();
  }

  get size(): number {
    return this.#seen.size;
  }

  /** @returns false if the message had been seen already. */
  advance(publisher: string, sequence: number): boolean {
    if (sequence <= this.of(publisher)) return false;
    this.#seen.delete(publisher);
    this.#seen.set(publisher, sequence);
    return true;
  }

  /** Forgets the publishers that are not kept. */
  retain(keeps: (publisher: string) => boolean): void {
    for (const publisher of this.#seen.keys()) if (!keeps(publisher)) this.#seen.delete(publisher);
  }

  /** Forgets the publishers that were quiet for longest, down to the limit, but none that `keeps`. */
  forget(keeps: (publisher: string) => boolean): void {
    for (const publisher of this.#seen.keys()) {
      if (this.#seen.size <= publishers_max) return;
      if (!keeps(publisher)) this.#seen.delete(publisher);
    }
  }

  toString(): string {
    if (this.#seen.size === 0) return nowhere;
    return [...this.#seen].map(([publisher, sequence]) => `${publisher}:${sequence}`).join(",");
  }
}
