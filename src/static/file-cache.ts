/**
 * Files that were asked for before. What is kept is used only after the disk has been asked whether it still is the
 * same. Requests for a small file that arrived together, in one turn of the event loop, ask once.
 */
import { existsSync } from "node:fs";
import { isUnchanged, type StoredFile } from "../response/stored-file.ts";

/** One representation of a file, ready to send. */
export interface Sendable {
  /** The path as asked for, links and all: where a link leads to can change too. */
  readonly requested: string;
  readonly stored: StoredFile;
  readonly headers: Headers;
}

/** What one path is answered with. */
export interface Entry {
  /** The file itself, then what may be sent in its place. */
  readonly representations: readonly Sendable[];
  /** Siblings that were not there. */
  readonly missing: readonly string[];
  /** The turn in which it was last found to be current. */
  checkedIn: number;
}

const entries_max = 1_024;
/** Of files kept in memory. */
const bytes_max = 16 * 1_048_576;

export class FileCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #turn = 0;
  #isTurning = false;

  /** @returns the entry, if the files behind it are unchanged. */
  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.checkedIn === this.#turn) return entry;
    if (!isCurrent(entry)) {
      this.#remove(key, entry);
      return undefined;
    }
    this.#check(entry);
    return entry;
  }

  put(key: string, entry: Entry): void {
    const bytes = bytesOf(entry);
    // The oldest go first. That is not the best choice of all, but a wrong one costs one reading.
    for (const [oldest, other] of this.#entries) {
      if (this.#entries.size < entries_max && this.#bytes + bytes <= bytes_max) break;
      this.#remove(oldest, other);
    }
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    this.#check(entry);
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= bytesOf(entry);
  }

  /**
   * Asking for every request would cost 1.5 µs, a seventh of all that a small file takes; asking every 100 ms would cost
   * as little as this, and show a changed file too late. A large file takes so much more, and is asked for so much more
   * seldom, that ending the turn is what would cost.
   */
  #check(entry: Entry): void {
    if (!entry.representations[0]!.stored.isInMemory) return;
    entry.checkedIn = this.#turn;
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      this.#turn++;
    });
  }
}

/** A file that had not rested when it was read may have changed without a trace, so it is read again. */
function isCurrent({ representations, missing }: Entry): boolean {
  return (
    representations.every(
      ({ stored, requested }) => stored.isSettled && isUnchanged(stored, requested),
    ) && missing.every((path) => !existsSync(path))
  );
}

function bytesOf({ representations }: Entry): number {
  return representations.reduce(
    (sum, { stored }) => sum + (stored.isInMemory ? stored.size : 0),
    0,
  );
}
