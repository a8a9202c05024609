/** The platform of a client, with time and chance in the hands of a test. Connections are real. */
import { type Environment, platform } from "../../src/client/environment.ts";
import { until } from "./wait.ts";

interface Timer {
  readonly task: () => void;
  readonly ms: number;
}

export class HandEnvironment implements Environment {
  readonly #timers = new Set<Timer>();
  /** What `random()` gives. */
  chance = 1;
  readonly open: Environment["open"] = platform.open;
  readonly fetch: Environment["fetch"] = platform.fetch;
  readonly random = (): number => this.chance;

  readonly later = (task: () => void, ms: number): (() => void) => {
    const timer = { task, ms };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Milliseconds of the timers that run. */
  get timers(): number[] {
    return [...this.#timers].map(({ ms }) => ms);
  }

  /** Lets the timer of so many milliseconds end, as soon as there is one. */
  async pass(ms: number): Promise<void> {
    const timer = await until(
      () => `a timer of ${ms} ms among ${this.timers}`,
      () => [...this.#timers].find((it) => it.ms === ms),
    );
    this.#timers.delete(timer);
    timer.task();
  }
}
