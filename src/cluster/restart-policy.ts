/** When a worker that died is started again: at once, unless workers keep dying. Pure; the caller brings the time. */

const window_ms = 10_000;
const deaths_max = 5;
const first_delay_ms = 250;
const delay_ms_max = 5_000;

export class RestartPolicy {
  /** Instants of the deaths of the last ten seconds, in milliseconds of any one clock. */
  #deaths: number[] = [];
  #delay_ms = 0;

  /**
   * A worker died that nobody had told to end.
   *
   * @returns milliseconds until its successor may start: 0 for the first five deaths within ten seconds, then 250,
   * doubled with each further one up to 5,000. Ten seconds without a death make it 0 again.
   */
  afterDeath(now: number): number {
    this.#deaths = this.#deaths.filter((at) => now - at < window_ms);
    if (this.#deaths.length === 0) this.#delay_ms = 0;
    this.#deaths.push(now);
    const isLooping = this.#deaths.length > deaths_max || this.#delay_ms > 0;
    if (isLooping)
      this.#delay_ms = Math.min(delay_ms_max, Math.max(first_delay_ms, this.#delay_ms * 2));
    return this.#delay_ms;
  }
}
