/**
 * What is known of the process itself: memory, event loop, start. Sampled by each listener, because a scrape is answered
 * by one of them for all.
 */
import type { TickClock } from "../native/core.ts";
import type { BoundGauge, BoundHistogram } from "./instruments.ts";
import type { MetricRegistry } from "./registry.ts";

const interval_ms = 500;

export interface BuildInfo {
  readonly version: string;
  readonly core: string;
}

export class ProcessSampler {
  readonly #resident: BoundGauge;
  readonly #heap: BoundGauge;
  readonly #lag: BoundHistogram;
  readonly #clock: TickClock;
  readonly #more: (() => void) | undefined;
  #timer: Timer | undefined;
  #due = 0;

  /** @param more samples something else at the same times. */
  constructor(registry: MetricRegistry, build: BuildInfo, more?: () => void) {
    this.#more = more;
    this.#clock = registry.store.clock;
    this.#resident = registry
      .gauge("process_resident_memory_bytes", "Resident memory, all processes together.")
      .with();
    this.#heap = registry
      .gauge("robyn_heap_used_bytes", "JavaScript heap in use, all listeners together.")
      .with();
    this.#lag = registry
      .histogram("robyn_event_loop_lag_seconds", "How late a timer of 500 ms was.", [], {
        range: [2 ** -11, 2 ** 4],
      })
      .with();
    const start = (Date.now() - performance.now()) / 1_000;
    registry
      .gauge(
        "process_start_time_seconds",
        "Start of the oldest living process, as Unix time.",
        [],
        {
          combine: "min",
        },
      )
      .set(start);
    registry
      .gauge(
        "robyn_build_info",
        "Versions that serve; the value is 1.",
        ["version", "bun", "core"],
        { combine: "max" },
      )
      .set({ version: build.version, bun: Bun.version, core: build.core }, 1);
    this.sample();
  }

  /** From now on the event loop is watched. The timer keeps no process alive. */
  start(): void {
    this.#due = performance.now() + interval_ms;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#lag.observe(Math.max(0, now - this.#due) / 1_000);
      this.#due = now + interval_ms;
      this.#clock.adjust();
      this.sample();
    }, interval_ms);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  sample(): void {
    const { rss, heapUsed } = process.memoryUsage();
    // Threads share the memory of their process: it is counted once.
    if (Bun.isMainThread) this.#resident.set(rss);
    this.#heap.set(heapUsed);
    this.#more?.();
  }
}
