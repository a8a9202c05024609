/**
 * What an application has beside its routes. Each room is loaded and made when it is first asked for, so that an app
 * starts without what it does not use; here they are joined with each other, with other listeners and other clusters.
 */
import type { RobynOptions } from "./app-options.ts";
import { AppCache } from "./cache/app-cache.ts";
import type { Channels } from "./channel/channels.ts";
import type { Exchange } from "./cluster/exchange.ts";
import type { ClusterWorker } from "./cluster/worker.ts";
import type { Phase } from "./health/health.ts";
import { AppDependencies } from "./injection/app-dependencies.ts";
import { createLogger, type Logger, type LogLevel } from "./logger.ts";
import type { ApplicationMetrics } from "./metrics/application.ts";
import type { RealTimeSource } from "./metrics/real-time.ts";
import type { Core } from "./native/core.ts";
import { loadCore } from "./native/load.ts";
import { openOnce } from "./native/segment-place.ts";
import type { Compiled } from "./routing/compile.ts";
import type { Joined } from "./server/adapter.ts";
import { createDispatch, type Dispatch } from "./server/dispatch.ts";
import { createMeasuredDispatch } from "./server/measured-dispatch.ts";
import type { ClusterPlace } from "./server/place.ts";
import { realTimeCounts } from "./server/real-time.ts";
import { resolveSettings } from "./server/settings.ts";
import { Tasks } from "./server/tasks.ts";
import type { Hub } from "./websocket/hub.ts";
import {
  checkTopicSettings,
  checkWebSocketSettings,
  type TopicSettings,
  type WebSocketSettings,
} from "./websocket/settings.ts";

export class Rooms {
  readonly cache = new AppCache();
  readonly tasks = new Tasks();
  readonly websockets: Required<WebSocketSettings>;
  readonly dependencies = new AppDependencies(() => this.logger);
  readonly segment = openOnce(
    () => this.core,
    () => this.logger,
    () => this.cacheBytes ?? resolveSettings({}, {}, process.env).cacheSize,
  );
  /** Memory for kept answers; known from `start()` on. */
  cacheBytes: number | undefined;
  phase: Phase = "mounted";
  readonly #options: RobynOptions;
  readonly #topics: Required<TopicSettings>;
  #logger: Logger | undefined;
  #metrics: ApplicationMetrics | undefined;
  #channels: Channels | undefined;
  /** Not while the app starts: whoever consumes has to know first whether other clusters are joined. */
  #consumes = false;
  #hub: Hub | undefined;
  #exchange: Exchange | undefined;
  #joined: Joined | undefined;

  /** @throws RobynError ROBYN_OPTION_INVALID */
  constructor(options: RobynOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.websockets = checkWebSocketSettings(options.websockets ?? {});
    this.#topics = checkTopicSettings(options.topics ?? {});
  }

  get logger(): Logger {
    return (this.#logger ??= createLogger());
  }

  /** For a log that nothing was written to yet. */
  useLogLevel(level: LogLevel): Logger {
    return (this.#logger ??= createLogger(level));
  }

  get core(): Core {
    return loadCore(this.#options.core ?? "auto", this.logger);
  }

  /** Made by whoever defines or exposes some. */
  get metrics(): ApplicationMetrics {
    if (this.#metrics !== undefined) return this.#metrics;
    const { ApplicationMetrics: Made } =
      require("./metrics/application.ts") as typeof import("./metrics/application.ts");
    return (this.#metrics = new Made(this.segment, () => this.logger));
  }

  /** Undefined where there are none. */
  get metricsInUse(): ApplicationMetrics | undefined {
    return this.#metrics;
  }

  get channels(): Channels {
    if (this.#channels !== undefined) return this.#channels;
    const { Channels: Made } =
      require("./channel/channels.ts") as typeof import("./channel/channels.ts");
    const mayJoin = this.#options.adapter !== undefined;
    const channels = new Made({ segment: this.segment, logger: () => this.logger, mayJoin });
    this.#channels = channels;
    if (this.#joined?.channels !== undefined) channels.join(this.#joined.channels);
    if (this.#exchange !== undefined) channels.connect(this.#exchange);
    if (this.#consumes) channels.start();
    return channels;
  }

  startChannels(): void {
    this.#consumes = true;
    this.#channels?.start();
  }

  async stopChannels(timeout_ms: number): Promise<void> {
    await this.#channels?.stop(timeout_ms);
  }

  get hub(): Hub {
    if (this.#hub !== undefined) return this.#hub;
    const { Hub: Made } = require("./websocket/hub.ts") as typeof import("./websocket/hub.ts");
    this.#hub = new Made(this.websockets, this.#topics);
    this.#exchange?.attach(this.#hub);
    return this.#hub;
  }

  /** With metrics a dispatch that measures, chosen once: others pay nothing for them. */
  dispatchTo(compiled: Compiled, { processes, workers, generation }: ClusterPlace): Dispatch {
    if (!this.#metrics?.isExposed) return createDispatch(compiled);
    const others = { cache: () => this.cache.stats(), listeners: processes * workers };
    const source: RealTimeSource = {
      counts: () => realTimeCounts(this.#hub, this.#exchange),
      channels: () => this.#channels?.collect() ?? [],
    };
    const meters = this.#metrics.measure(compiled, others, generation, source);
    return createMeasuredDispatch(compiled, meters);
  }

  /** The other listeners of the cluster, and what they have kept of topics. */
  async joinListeners(worker: ClusterWorker): Promise<void> {
    const exchange = await worker.openExchange(this.logger, () => void this.hub);
    if (exchange === undefined) return;
    this.#exchange = exchange;
    if (this.#hub !== undefined) exchange.attach(this.#hub);
    this.#channels?.connect(exchange);
    await exchange.caughtUp();
  }

  /** @param cluster the same for all its listeners */
  async joinClusters(cluster: string): Promise<void> {
    const { adapter } = this.#options;
    if (adapter === undefined) return;
    const { hub, cache, logger } = this;
    const joined = (this.#joined = await adapter.open({ cluster, hub, cache, logger }));
    if (joined.rateLimits !== undefined) this.segment().rateLimits.remote = joined.rateLimits;
    if (joined.channels !== undefined) this.#channels?.join(joined.channels);
    this.#metrics?.watchAdapter(adapter.name, () => joined.counts());
  }

  async leaveListeners(): Promise<void> {
    await this.#exchange?.close();
  }

  async leaveClusters(): Promise<void> {
    await this.#joined?.close();
  }
}
