/** One check of `app.health()`: asked by many probes, run once at a time, given up after its time. */
import type { Logger } from "../logger.ts";
import type { HealthCheck } from "./options.ts";

export type State = "ok" | "failed" | "timeout";

export class Probe {
  readonly name: string;
  readonly #check: HealthCheck;
  readonly #timeout_ms: number;
  readonly #logger: () => Logger;
  /** A check that hangs stays one: probes that come meanwhile wait for the same, and none is added to it. */
  #running: Promise<State> | undefined;
  #state: State = "ok";

  constructor(name: string, check: HealthCheck, timeout_ms: number, logger: () => Logger) {
    this.name = name;
    this.#check = check;
    this.#timeout_ms = timeout_ms;
    this.#logger = logger;
  }

  async ask(): Promise<State> {
    const { promise: late, resolve } = Promise.withResolvers<State>();
    const controller = new AbortController();
    const timer = setTimeout(() => {
      resolve("timeout");
      controller.abort();
    }, this.#timeout_ms);
    const running = (this.#running ??= this.#run(controller.signal));
    const state = await Promise.race([running, late]);
    clearTimeout(timer);
    this.#note(state, undefined);
    return state;
  }

  async #run(signal: AbortSignal): Promise<State> {
    try {
      return (await this.#check(signal)) === false ? "failed" : "ok";
    } catch (error) {
      if (!signal.aborted) this.#note("failed", error);
      return signal.aborted ? "timeout" : "failed";
    } finally {
      this.#running = undefined;
    }
  }

  /** Probes come every few seconds: the log tells of changes. */
  #note(state: State, error: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    const details = error === undefined ? [] : [error];
    if (state === "ok") this.#logger().info(`the health check ${this.name} passes again`);
    else this.#logger().warn(`the health check ${this.name}: ${state}`, ...details);
  }
}
