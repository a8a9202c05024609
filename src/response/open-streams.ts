/** The endless streams of an application, so that a server that drains can end them instead of cutting them. */

/** Ends one stream. The promise settles when its source has let go of what it holds. */
type End = () => Promise<void>;

/** How long a source may take for its `finally` once its clients have been told; it may be waiting for anything. */
const release_ms = 1_000;

export class OpenStreams {
  readonly #ends = new Set<End>();
  #isDraining = false;

  /** @returns false if the server drains already: the stream must not begin. */
  add(end: End): boolean {
    if (this.#isDraining) return false;
    this.#ends.add(end);
    return true;
  }

  remove(end: End): void {
    this.#ends.delete(end);
  }

  /** Ends every stream, and those that would begin later. Resolves when all sources are done, at most after a second. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const released = Promise.all([...this.#ends].map((end) => end()));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, release_ms);
    await Promise.race([released, late]);
    clearTimeout(timer);
  }
}
