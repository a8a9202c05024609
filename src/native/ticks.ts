/** Clocks for short times. Two looks at the system's cost 80 ns, at the processor's own counter 20. */
import type { TickClock } from "./core.ts";

export const systemClock: TickClock = {
  ticks: () => performance.now(),
  secondsPerTick: 1e-3,
  adjust() {},
};

/** Of the first comparison: long enough that reading two clocks one after the other is less than 0.1 % of it. */
const first_ms = 1;
const least_ms = 100;

/**
 * The counter says nothing of its speed, so it is compared with the system's clock, again and again: a machine that is
 * moved to another host may go on with another speed.
 */
export class ProcessorClock implements TickClock {
  readonly ticks: () => number;
  secondsPerTick = 0;
  #since: { readonly milliseconds: number; readonly ticks: number };

  constructor(ticks: () => number) {
    this.ticks = ticks;
    this.#since = this.#now();
    while (performance.now() - this.#since.milliseconds < first_ms);
    this.#compare();
  }

  adjust(): void {
    if (performance.now() - this.#since.milliseconds < least_ms) return;
    this.#compare();
    this.#since = this.#now();
  }

  #compare(): void {
    const { milliseconds, ticks } = this.#now();
    const passed = ticks - this.#since.ticks;
    // Where the counter went back, the last speed is the best guess.
    if (passed > 0)
      this.secondsPerTick = (milliseconds - this.#since.milliseconds) / 1_000 / passed;
  }

  /** Of several readings the one that took the shortest: nobody took the processor away in between. */
  #now(): { milliseconds: number; ticks: number } {
    let best = Infinity;
    let result = { milliseconds: 0, ticks: 0 };
    for (let round = 0; round < 5; round++) {
      const before = performance.now();
      const ticks = this.ticks();
      const after = performance.now();
      if (after - before >= best) continue;
      best = after - before;
      result = { milliseconds: (before + after) / 2, ticks };
    }
    return result;
  }
}
