/** The metrics of an application: its own, and with `expose` those of its server. The one class that `app.ts` holds. */
import { version } from "../../package.json" with { type: "json" };
import type { Logger } from "../logger.ts";
import type { Segment } from "../native/core.ts";
import { type AdapterCounts, adapterMeter } from "./adapter.ts";
import type { Gauge } from "./instruments.ts";
import { invalid } from "./names.ts";
import { ProcessSampler } from "./process.ts";
import { RealTimeSampler, type RealTimeSource } from "./real-time.ts";
import { MetricRegistry } from "./registry.ts";
import { type MeteredRoute, RequestMeters } from "./requests.ts";
import {
  type MeasureOptions,
  checkMetricsOptions,
  metricsHandler,
  type MetricsOptions,
} from "./route.ts";
import { collectShared, type SharedNumbers } from "./shared.ts";

/** What is measured of the compiled routes. */
interface Measured {
  readonly core: string;
  readonly endpoints: readonly { readonly route: MeteredRoute }[];
}

/** What only the application can ask for. */
export type Others = Omit<SharedNumbers, "segment">;

type Scrape = ReturnType<typeof metricsHandler>;

export class ApplicationMetrics {
  readonly registry: MetricRegistry;
  #options: MeasureOptions | undefined;
  #sampler: ProcessSampler | undefined;
  #serving: Gauge | undefined;
  #health: Gauge<"check"> | undefined;
  readonly #segment: () => Segment;
  #sampleAdapter: (() => void) | undefined;

  constructor(segment: () => Segment, logger: () => Logger) {
    this.#segment = segment;
    this.registry = new MetricRegistry(segment, logger);
  }

  /** Whether `app.metrics()` was called. */
  get isExposed(): boolean {
    return this.#options !== undefined;
  }

  /** @returns the handler of the route that answers scrapes. */
  expose({ beforeRequest: _, ...options }: MetricsOptions<never, never>): Scrape {
    if (this.#options !== undefined)
      throw invalid("app.metrics() was called twice.", "One path answers for the whole cluster.");
    checkMetricsOptions(options);
    this.#options = options;
    return metricsHandler(
      () => this.registry,
      () => this.#sampler?.sample(),
    );
  }

  /** Called once, when the routes are known. */
  measure(
    { core, endpoints }: Measured,
    others: Others,
    generation: number,
    source: RealTimeSource,
  ): RequestMeters {
    const { registry } = this;
    const segment = this.#segment;
    registry.collectors.push(() => collectShared({ segment, ...others }));
    registry
      .gauge("robyn_generation", "Reloads of the newest listener.", [], { combine: "max" })
      .set(generation);
    this.#serving = registry.gauge(
      "robyn_listeners_serving",
      "Listeners that take requests: started, and not draining.",
    );
    this.#health = registry.gauge(
      "robyn_health_check",
      "Outcome of each check when a probe asked last; 0 where it failed in any listener.",
      ["check"],
      { combine: "min" },
    );
    const realTime = new RealTimeSampler(registry, source);
    const onSample = () => {
      realTime.sample();
      this.#sampleAdapter?.();
    };
    this.#sampler = new ProcessSampler(registry, { version, core }, onSample);
    const routes = endpoints.map(({ route }) => ({ method: route.method, path: route.path }));
    return new RequestMeters(this.registry, routes, this.#options ?? {});
  }

  /** How a check of `app.health()` ended. */
  noteHealth(check: string, isOk: boolean): void {
    this.#health?.set({ check }, isOk ? 1 : 0);
  }

  serves(): void {
    this.#serving?.set(1);
    this.#sampler?.start();
  }

  drains(): void {
    this.#serving?.set(0);
  }

  /** What joins clusters, as this listener sees it. */
  watchAdapter(name: string, counts: () => AdapterCounts): void {
    if (!this.isExposed) return;
    this.#sampleAdapter = adapterMeter(this.registry, name, counts);
  }

  stop(): void {
    this.#sampler?.stop();
  }
}
