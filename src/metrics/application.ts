/** The metrics of an application: its own, and with `expose` those of its server. The one class that `app.ts` holds. */
import { version } from "../../package.json" with { type: "json" };
import type { Logger } from "../logger.ts";
import type { Segment } from "../native/core.ts";
import { type AdapterCounts, adapterMeter } from "./adapter.ts";
import { invalid } from "./names.ts";
import { ProcessSampler } from "./process.ts";
import { type Collector, MetricRegistry } from "./registry.ts";
import { type MeteredRoute, RequestMeters } from "./requests.ts";
import {
  type MeasureOptions,
  checkMetricsOptions,
  metricsHandler,
  type MetricsOptions,
} from "./route.ts";

/** What is measured of the compiled routes. */
interface Measured {
  readonly core: string;
  readonly endpoints: readonly { readonly route: MeteredRoute }[];
}

type Scrape = ReturnType<typeof metricsHandler>;

export class ApplicationMetrics {
  readonly registry: MetricRegistry;
  #options: MeasureOptions | undefined;
  #sampler: ProcessSampler | undefined;
  #sampleAdapter: (() => void) | undefined;

  constructor(segment: () => Segment, logger: () => Logger) {
    this.registry = new MetricRegistry(segment, logger);
  }

  /** Whether `app.metrics()` was called. */
  get isExposed(): boolean {
    return this.#options !== undefined;
  }

  /** @returns the handler of the route that answers scrapes. */
  expose({ beforeRequest: _, ...options }: MetricsOptions<never>): Scrape {
    if (this.#options !== undefined)
      throw invalid("app.metrics() was called twice.", "One path answers for the whole cluster.");
    checkMetricsOptions(options);
    this.#options = options;
    return metricsHandler(
      () => this.registry,
      () => this.#sampler?.sample(),
    );
  }

  /** Numbers that somebody else keeps for the whole cluster: caches, limits. Asked for at each scrape. */
  collect(collector: Collector): void {
    this.registry.collectors.push(collector);
  }

  /** Called once, when the routes are known. */
  measure({ core, endpoints }: Measured): RequestMeters {
    this.#sampler = new ProcessSampler(this.registry, { version, core }, this.#sampleAdapter);
    const routes = endpoints.map(({ route }) => ({ method: route.method, path: route.path }));
    return new RequestMeters(this.registry, routes, this.#options ?? {});
  }

  watchProcess(): void {
    this.#sampler?.start();
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
