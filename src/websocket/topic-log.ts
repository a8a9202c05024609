/**
 * The last messages of one topic, for event streams. Followers are cursors in it and have no queues of their own: what a
 * topic takes in memory does not depend on how many follow it or how slowly they read. One that falls behind the
 * oldest message is told of a gap.
 */
import { gap, type TopicEvent } from "../response/topics.ts";
import { Position, publishers_max } from "./position.ts";

export interface LogLimits {
  /** Messages that are kept per topic. */
  readonly messages: number;
  /** Characters of all messages that are kept per topic. */
  readonly characters: number;
}

interface Entry {
  readonly publisher: string;
  readonly sequence: number;
  readonly data: string;
  /** Messages of the publisher that should have come before it have not. */
  readonly isBehindHole: boolean;
}

/** What one process knows of a topic, for another that has only just started. */
export interface History {
  readonly entries: readonly (readonly [publisher: string, sequence: number, data: string])[];
  /** Per publisher, the last message that is known. */
  readonly head: readonly (readonly [publisher: string, sequence: number])[];
  /** Per publisher, the last message that is known to be lost. */
  readonly lost: readonly (readonly [publisher: string, sequence: number])[];
}

/** What a client has seen elsewhere is on its way here for no longer than that. */
const onItsWay_ms = 100;

export class TopicLog {
  readonly #limits: LogLimits;
  #entries: Entry[] = [];
  /** How many entries were dropped before the first of `#entries`. */
  #dropped = 0;
  #characters = 0;
  /** What has come, in all. */
  readonly #head = new Position();
  /** What another process had, and may still come: which of it a follower has seen, its own position knows. */
  #before = new Position();
  /** Per publisher, the last message that is no longer there, or never came. */
  readonly #lost = new Map<string, number>();
  /** Followers that have read everything. */
  readonly #waiting = new Set<() => void>();
  followers = 0;

  constructor(limits: LogLimits) {
    this.#limits = limits;
  }

  append(publisher: string, sequence: number, data: string): void {
    const last = this.#head.of(publisher) || this.#before.of(publisher);
    if (sequence > this.#lastOf(publisher) + 1) this.#lost.set(publisher, sequence - 1);
    if (!this.#head.advance(publisher, sequence)) return;
    // The first that is heard of a publisher has no hole before it: the others were not for this log.
    const isBehindHole = last > 0 && sequence > last + 1;
    this.#entries.push({ publisher, sequence, data, isBehindHole });
    this.#characters += data.length;
    this.#trim();
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Where a follower is that comes now: behind all that is known. */
  get place(): string {
    return this.#known.toString();
  }

  history(): History {
    const seen = new Position();
    return {
      entries: this.#entries
        .filter(({ publisher, sequence }) => seen.advance(publisher, sequence))
        .map(({ publisher, sequence, data }) => [publisher, sequence, data]),
      head: [...this.#known.members],
      lost: [...this.#lost],
    };
  }

  /**
   * Puts what another process had before everything that came here. It overlaps, in its end with what has come, and with
   * what has not: followers that read both leave out what they have seen. Those that are here already do not read it.
   */
  precede({ entries, head, lost }: History): void {
    const former = new Position();
    const earlier = entries.map(([publisher, sequence, data]): Entry => {
      const last = former.of(publisher);
      former.advance(publisher, sequence);
      this.#characters += data.length;
      return { publisher, sequence, data, isBehindHole: last > 0 && sequence > last + 1 };
    });
    this.#entries = [...earlier, ...this.#entries];
    this.#dropped -= earlier.length;
    this.#before = new Position(head);
    this.#forgetQuiet(this.#before);
    const lostBefore = new Map(lost);
    for (const publisher of this.#before.publishers) {
      // More is lost than that only where something is missing between the two.
      if ((this.#lost.get(publisher) ?? 0) > this.#before.of(publisher)) continue;
      this.#lost.delete(publisher);
      const sequence = lostBefore.get(publisher);
      if (sequence !== undefined) this.#lost.set(publisher, sequence);
    }
    this.#trim();
  }

  /** Begins at the call, not at the first `next()`. */
  follow(
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<TopicEvent | typeof gap, void, undefined> {
    const start = after === undefined ? this.#end : this.#dropped;
    const position = after === undefined ? this.#known : Position.parse(after);
    return this.#read(position, start, signal);
  }

  async *#read(
    /** Undefined for one that could not be read: nothing is known of it. */
    given: Position | undefined,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<TopicEvent | typeof gap, void, undefined> {
    let index = start;
    const position = given ?? new Position();
    this.followers++;
    try {
      if (given !== undefined) await this.#hear(position, signal);
      if (given === undefined || this.#misses(position)) yield* this.#tellGap(position);
      while (!signal.aborted) {
        if (index < this.#dropped) {
          index = this.#dropped;
          if (this.#misses(position)) yield* this.#tellGap(position);
          continue;
        }
        const entry = this.#entries[index - this.#dropped];
        if (entry === undefined) {
          await this.#more(signal);
          continue;
        }
        index++;
        const { publisher, sequence, isBehindHole } = entry;
        if (isBehindHole && position.of(publisher) < sequence - 1) yield* this.#tellGap(position);
        if (!position.advance(entry.publisher, entry.sequence)) continue;
        this.#forgetQuiet(position);
        yield { data: entry.data, id: position.toString() };
      }
    } finally {
      this.followers--;
    }
  }

  /** What is lost is lost once: the position is as if it had been seen. */
  *#tellGap(position: Position): Generator<typeof gap, void, undefined> {
    for (const [publisher, sequence] of this.#lost) position.advance(publisher, sequence);
    position.retain((publisher) => this.#lastOf(publisher) > 0);
    yield gap;
  }

  #more(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      signal.removeEventListener("abort", wake);
      this.#waiting.delete(wake);
      resolve();
    };
    this.#waiting.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    return promise;
  }

  /**
   * Waits for publishers that the client has heard of and nobody here: processes that have only just started, whose first
   * message may arrive later than a client that has it from another process.
   */
  async #hear(position: Position, signal: AbortSignal): Promise<void> {
    if (!this.#isAhead(position)) return;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(onItsWay_ms)]);
    while (this.#isAhead(position) && !patience.aborted) await this.#more(patience);
  }

  /** Whether messages behind the position are lost, or may be: of a publisher never heard of nothing is known here. */
  #misses(position: Position): boolean {
    for (const [publisher, sequence] of this.#lost)
      if (position.of(publisher) < sequence) return true;
    return this.#isAhead(position);
  }

  #isAhead(position: Position): boolean {
    for (const publisher of position.publishers) if (this.#lastOf(publisher) === 0) return true;
    return false;
  }

  /** Number of the last message of a publisher that is known here, 0 for none. */
  #lastOf(publisher: string): number {
    return Math.max(this.#head.of(publisher), this.#before.of(publisher));
  }

  /** All that is known, the publishers that were quiet for longest first. */
  get #known(): Position {
    const publishers = new Set(this.#before.publishers).difference(new Set(this.#head.publishers));
    return new Position(
      [...publishers, ...this.#head.publishers].map((publisher) => [
        publisher,
        this.#lastOf(publisher),
      ]),
    );
  }

  get #end(): number {
    return this.#dropped + this.#entries.length;
  }

  /** Publishers without a message that is still kept, so that nothing is replayed because of it. */
  #forgetQuiet(position: Position): void {
    if (position.size <= publishers_max) return;
    const kept = new Set(this.#entries.map(({ publisher }) => publisher));
    position.forget((publisher) => kept.has(publisher));
  }

  #trim(): void {
    const { messages, characters } = this.#limits;
    let count = 0;
    while (
      this.#entries.length - count > messages ||
      (this.#characters > characters && this.#entries.length - count > 1)
    ) {
      const { publisher, sequence, data } = this.#entries[count++]!;
      this.#characters -= data.length;
      this.#lost.set(publisher, Math.max(sequence, this.#lost.get(publisher) ?? 0));
    }
    if (count === 0) return;
    this.#entries.splice(0, count);
    this.#dropped += count;
    this.#forgetQuiet(this.#head);
    this.#forgetQuiet(this.#before);
    for (const publisher of this.#lost.keys())
      if (this.#lastOf(publisher) === 0) this.#lost.delete(publisher);
  }
}
