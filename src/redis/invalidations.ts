/**
 * What one cluster says of its kept answers, told to the others. A message may be lost with a connection, so whoever
 * connects ends all of its own, and whoever could not tell ends all of everybody's: what was invalidated is served by
 * nobody for longer than a connection is missing, at the price of answers that are computed once more.
 */
import type { AppCache } from "../cache/app-cache.ts";
import type { Connection } from "./connection.ts";

/** @returns false if it was dropped */
type Tell = (names: readonly string[]) => boolean;

const everything: readonly string[] = [];

export class Invalidations {
  readonly #connection: Connection;
  readonly #cache: AppCache;
  readonly #tell: Tell;
  /** Something was not told. */
  #isOwing = false;

  constructor(connection: Connection, cache: AppCache, tell: Tell) {
    this.#connection = connection;
    this.#cache = cache;
    this.#tell = tell;
  }

  /** There is a connection: what was said before it is not known here. */
  greet(): void {
    this.#cache.apply(everything);
    this.catchUp();
  }

  catchUp(): void {
    if (this.#isOwing && this.#connection.isUp) this.#isOwing = !this.#tell(everything);
  }

  tell(names: readonly string[]): void {
    if (!this.#tell(names)) this.#isOwing = true;
  }

  hear(names: readonly string[]): void {
    this.#cache.apply(names);
  }
}
