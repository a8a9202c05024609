/** The façade that applications chain on. It wires the rooms and computes nothing. */
import { checkOptions, type RobynOptions } from "./app-options.ts";
import { AppCache } from "./cache/app-cache.ts";
import type { Channel } from "./channel/channel.ts";
import type { Channels } from "./channel/channels.ts";
import type { ChannelOptions } from "./channel/options.ts";
import type { Exchange } from "./cluster/exchange.ts";
import type { ClusterWorker } from "./cluster/worker.ts";
import { RobynError } from "./errors.ts";
import type { Phase } from "./health/health.ts";
import type { HealthOptions } from "./health/options.ts";
import { AppDependencies } from "./injection/app-dependencies.ts";
import type {
  Injectables,
  InjectedOf,
  Injecting,
  NotTaken,
  Nothing,
  ValuesOf,
} from "./injection/types.ts";
import { createLogger, type Logger } from "./logger.ts";
import { routeRateLimit } from "./middleware/rate-limit.ts";
import type { Counter, Gauge, Histogram } from "./metrics/instruments.ts";
import type { ApplicationMetrics } from "./metrics/application.ts";
import type { GaugeOptions, HistogramOptions, MetricOptions } from "./metrics/registry.ts";
import type { RealTimeSource } from "./metrics/real-time.ts";
import type { MetricsOptions } from "./metrics/route.ts";
import { ResponseHeaders } from "./middleware/response-headers.ts";
import type { Core } from "./native/core.ts";
import { loadCore } from "./native/load.ts";
import { dieWithParent } from "./native/process.ts";
import { ownSegment } from "./native/segment.ts";
import { openOnce } from "./native/segment-place.ts";
import type { BunServer } from "./request/context.ts";
import { proxiesOf, type TrustedProxies } from "./request/proxies.ts";
import { checkCookieKeys } from "./response/cookies.ts";
import { type Compiled, compile } from "./routing/compile.ts";
import { type AppLimits, checkTimeout, timeout_s_default } from "./routing/limits.ts";
import { requireFunction } from "./routing/option-check.ts";
import type { AnyState, RouteOptions } from "./routing/route.ts";
import { Router } from "./routing/router.ts";
import type { Joined } from "./server/adapter.ts";
import { printBanner } from "./server/banner.ts";
import { countRequests, createDispatch, type Dispatch } from "./server/dispatch.ts";
import { createMeasuredDispatch } from "./server/measured-dispatch.ts";
import { currentLaunch } from "./server/launch.ts";
import { manage, type RunningServer, type ShutdownHandler } from "./server/lifecycle.ts";
import { type ClusterPlace, placeOf } from "./server/place.ts";
import { realTimeCounts } from "./server/real-time.ts";
import { currentSeat, seatVariable } from "./server/seat.ts";
import { serve } from "./server/serve.ts";
import {
  resolveSettings,
  type Settings,
  type StartOptions,
  wantsPrimary,
} from "./server/settings.ts";
import { aloneArbiter, type CronOptions, type TaskFunction, Tasks } from "./server/tasks.ts";
import type { DirectoryOptions } from "./static/options.ts";
import type { Infer, Schema } from "./validation/schema.ts";
import type { AppPublishOptions, Hub } from "./websocket/hub.ts";
import type { TopicPresence } from "./websocket/presence.ts";
import {
  checkTopicSettings,
  checkWebSocketSettings,
  type TopicSettings,
  type WebSocketSettings,
} from "./websocket/settings.ts";

/** Recognises an application across copies of the package, where `instanceof` would fail. */
export const appBrand: unique symbol = Symbol.for("robyn.app");

/**
 * An application.
 *
 * @example
 * const app = new Robyn();
 * app.get("/users/:id", ({ params }) => ({ id: params.id }));
 * await app.start({ port: 8080 });
 */
export class Robyn<
  State extends object = AnyState,
  Injected extends object = Nothing,
> extends Router<State, "", Injected> {
  readonly [appBrand] = true;
  /** Answers that routes keep by their option `cache`: `app.cache.invalidate({ tag: "users" })`. */
  readonly cache: AppCache = new AppCache();
  readonly #options: RobynOptions;
  readonly #startupHandlers: (() => unknown)[] = [];
  readonly #shutdownHandlers: ShutdownHandler[] = [];
  readonly #responseHeaders = new ResponseHeaders();
  readonly #limits: AppLimits;
  readonly #proxies: TrustedProxies | undefined;
  readonly #segment = openOnce(
    () => this.#core(),
    () => (this.#logger ??= createLogger()),
    () => this.#cacheBytes ?? resolveSettings({}, {}, process.env).cacheSize,
  );
  #metrics: ApplicationMetrics | undefined;
  #channels: Channels | undefined;
  #exchange: Exchange | undefined;
  #joined: Joined | undefined;
  #cacheBytes: number | undefined;
  readonly #websockets: Required<WebSocketSettings>;
  readonly #topics: Required<TopicSettings>;
  #logger: Logger | undefined;
  #hub: Hub | undefined;
  readonly #dependencies = new AppDependencies(() => (this.#logger ??= createLogger()));
  #compiled: Promise<Compiled> | undefined;
  /** Set while everything that is injected is there. */
  #dispatch: Dispatch | undefined;
  #mounted: Dispatch | undefined;
  readonly #tasks = new Tasks();
  #started = false;
  #isPrimary = false;
  #phase: Phase = "mounted";

  constructor(options: RobynOptions = {}) {
    super("", []);
    checkOptions(options);
    if (options.cookieKeys !== undefined) checkCookieKeys(options.cookieKeys);
    const { maxPayloadSize, timeout = timeout_s_default, trustedProxies, proxyHeaders } = options;
    checkTimeout(timeout);
    this.#limits = {
      timeout,
      maxPayloadSize: resolveSettings({ maxPayloadSize }, {}, {}).maxPayloadSize,
    };
    this.#proxies = proxiesOf(trustedProxies, proxyHeaders);
    if (options.onValidationError !== undefined)
      requireFunction("onValidationError", options.onValidationError);
    this.#websockets = checkWebSocketSettings(options.websockets ?? {});
    if (options.adapter !== undefined) requireFunction("adapter.open", options.adapter.open);
    this.#topics = checkTopicSettings(options.topics ?? {});
    this.#options = options;
    this.#logger = options.logger;
    // At once, not at start(): what the application does before it starts must not outlive the primary either.
    if (process.env[seatVariable] !== undefined) joinCluster();
  }

  /** Where this process stands among those that serve the application. */
  get cluster(): ClusterPlace {
    return placeOf(this.#isPrimary);
  }

  /**
   * Runs `task` in exactly one worker of the cluster, as soon as it serves, and in another when that one ends: for what
   * must not run twice, like the consumer of a queue. A worker that drains aborts the signal and waits for the task.
   *
   * @throws RobynError ROBYN_TASK_INVALID, ROBYN_SEALED
   */
  once(name: string, task: TaskFunction): this {
    this.#tasks.once(name, task);
    return this;
  }

  /**
   * Runs `task` at the times of `expression` in exactly one worker of the cluster. A run that takes longer than the
   * interval delays the next.
   *
   * @param expression minute, hour, day, month, weekday, or a nickname like `@daily`
   * @throws RobynError ROBYN_TASK_INVALID, ROBYN_SEALED
   */
  cron(expression: string, task: TaskFunction, options: CronOptions = {}): this {
    this.#tasks.cron(expression, task, options);
    return this;
  }

  /**
   * Routes for probes: `/livez` answers 200 as long as the process works, `/readyz` 503 before it serves, while it drains
   * and while one of the checks fails. They are ordinary routes: hooks apply.
   *
   * @throws RobynError ROBYN_OPTION_INVALID
   * @example app.health({ checks: { database: () => sql`select 1` } });
   */
  health(options: HealthOptions = {}): this {
    const { healthRoutes } = require("./health/health.ts") as typeof import("./health/health.ts");
    const logger = () => (this.#logger ??= createLogger());
    const onState = (name: string, isOk: boolean) => this.#metrics?.noteHealth(name, isOk);
    for (const { path, handler } of healthRoutes(options, () => this.#phase, logger, onState))
      this.addRoute("GET", path, {}, handler);
    return this;
  }

  /**
   * A header of every response that does not set it itself: routes, errors, 404, 405 and the like.
   * What a route says in `responseHeaders` goes before it.
   *
   * @throws RobynError ROBYN_HEADER_INVALID for a name or value that cannot be sent.
   */
  setResponseHeader(name: string, value: string): this {
    this.#responseHeaders.set(name, value);
    return this;
  }

  /** Like `setResponseHeader`, but appended to what the response has, as `Vary` and `Link` need it. */
  addResponseHeader(name: string, value: string): this {
    this.#responseHeaders.add(name, value);
    return this;
  }

  /** Paths, as patterns of hooks, whose responses get neither. May be called more than once. */
  excludeResponseHeadersFor(patterns: string | readonly string[]): this {
    this.#responseHeaders.excludeFor(patterns);
    return this;
  }

  /**
   * Answers GET and HEAD below `route` with the files of `directory`, as the route `route/*`: other routes win by
   * precedence, also with `serveDirectory("/", …)`, and hooks apply. Files are sent as by `serveFile()`; dotfiles, what
   * lies behind links that lead outside, and spellings that are not canonical are 404.
   *
   * @param directory relative to the working directory.
   * @throws RobynError ROBYN_DIRECTORY_NOT_FOUND, ROBYN_OPTION_INVALID
   * @example app.serveDirectory("/assets", "public", { cache: { immutable: true } });
   */
  serveDirectory(route: string, directory: string, options: DirectoryOptions = {}): this {
    // Loaded here: an app without files starts without them.
    const { directoryRoute } =
      require("./static/directory.ts") as typeof import("./static/directory.ts");
    const { pattern, handler } = directoryRoute(route, directory, options);
    return this.addRoute("GET", pattern, {}, handler);
  }

  /**
   * Measures every request, and answers GET `path` with the metrics of the whole cluster: Prometheus text, or
   * OpenMetrics for who accepts it. Bun's own table then answers no const routes, because it would not count them.
   *
   * @throws RobynError ROBYN_METRIC_INVALID
   * @example app.metrics("/metrics", { beforeRequest: requireToken });
   */
  metrics(path: string, options: MetricsOptions<State, InjectedOf<this>> = {}): this {
    const handler = this.#ownMetrics().expose(options);
    const { beforeRequest } = options;
    return this.addRoute<string, Pick<RouteOptions<State, InjectedOf<this>>, "beforeRequest">>(
      "GET",
      path,
      beforeRequest === undefined ? {} : { beforeRequest },
      ({ request, query }) => handler({ request, query }),
    );
  }

  /**
   * A number that only goes up, for the whole cluster. The name ends with `_total`.
   *
   * @example
   * const orders = app.counter("orders_total", "Orders placed.", ["country"]);
   * orders.inc({ country: "de" });
   * @throws RobynError ROBYN_METRIC_INVALID
   */
  counter<const Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    options?: MetricOptions,
  ): Counter<Label> {
    return this.#ownMetrics().registry.counter(name, help, labels, options);
  }

  /** A number that goes up and down. Of several listeners it is the sum, unless `combine` says `min` or `max`. */
  gauge<const Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    options?: GaugeOptions,
  ): Gauge<Label> {
    return this.#ownMetrics().registry.gauge(name, help, labels, options);
  }

  /** How values are distributed. The name says their unit: `_seconds`, `_bytes`. */
  histogram<const Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    options?: HistogramOptions,
  ): Histogram<Label> {
    return this.#ownMetrics().registry.histogram(name, help, labels, options);
  }

  /**
   * Sends to every subscriber of a topic: sockets, and event streams if it is text. Strings and bytes as they are,
   * anything else as JSON. In order; nobody is waited for.
   */
  publish(topic: string, message: unknown, options?: AppPublishOptions): void {
    this.#hubOf().publish(topic, message, options);
  }

  /** Sends to the socket with this id. @returns false if there is none, or no room for what waits for it */
  send(id: string, message: unknown): boolean {
    return this.#hubOf().send(id, message);
  }

  /** The sockets that are subscribed to a topic, in all processes; of another process as it was a moment ago. */
  presence(topic: string): TopicPresence {
    return this.#hubOf().presence.of(topic);
  }

  /** The sockets of this app in a `Bun.serve` of your own: `Bun.serve({ fetch: app.fetch, websocket: app.webSocketHandler })`. */
  get webSocketHandler(): Bun.WebSocketHandler<unknown> {
    const { bunHandler } =
      require("./websocket/bun-handler.ts") as typeof import("./websocket/bun-handler.ts");
    const sizes = this.collect().routes.map(({ socket }) => socket?.options.maxPayload ?? 0);
    const largest = Math.max(this.#websockets.maxPayload, ...sizes);
    return bunHandler(this.#hubOf(), largest, () => (this.#logger ??= createLogger()));
  }

  /**
   * A bounded queue from any handler in any process to one consumer, in one process of the cluster. What was accepted is
   * delivered at least once, in order per sender.
   *
   * @throws RobynError ROBYN_CHANNEL_BUSY for a name that is taken, ROBYN_OPTION_INVALID
   * @example const orders = app.channel<Order>("orders", { capacity: 50_000 });
   */
  channel<Given extends Schema>(
    name: string,
    options: ChannelOptions & { schema: Given },
  ): Channel<Infer<Given>>;
  channel<Value = unknown>(name: string, options?: ChannelOptions): Channel<Value>;
  channel(name: string, options: ChannelOptions = {}): Channel<unknown> {
    return this.channels().create(name, options);
  }

  /** @internal all of them: what the cluster rings and the metrics collect */
  channels(): Channels {
    if (this.#channels !== undefined) return this.#channels;
    // Loaded here: an app without channels starts without them.
    const { Channels: Made } =
      require("./channel/channels.ts") as typeof import("./channel/channels.ts");
    const logger = () => this.#logger ?? createLogger();
    const mayJoin = this.#options.adapter !== undefined;
    this.#channels = new Made({ segment: this.#segment, logger, mayJoin });
    if (this.#joined?.channels !== undefined) this.#channels.join(this.#joined.channels);
    if (this.#exchange !== undefined) this.#channels.connect(this.#exchange);
    // Not while it starts: whoever consumes has to know first whether other clusters are joined.
    const runs = this.#started && this.#phase !== "starting";
    if (runs || this.#dispatch !== undefined) this.#channels.start();
    return this.#channels;
  }

  /**
   * The same as `inject()`, for the whole application: contexts and sockets of all its routers have these names.
   *
   * @throws RobynError ROBYN_INJECTION_INVALID; at start ROBYN_INJECTION_CONFLICT for a name that a router has as well.
   * @example const app = new Robyn().injectGlobal({ db: perApp(() => new Database("notes.sqlite")) });
   */
  injectGlobal<Given extends Injectables<State, InjectedOf<this>>>(
    given: Given & NotTaken<Given>,
  ): this & Injecting<ValuesOf<Given>>;
  injectGlobal(given: unknown): this {
    return this.addInjections("injectGlobal()", given);
  }

  /**
   * @internal for `robyn/testing`: other values or providers in the place of injected ones.
   * @returns puts the former ones back
   * @throws RobynError ROBYN_INJECTION_INVALID
   */
  replaceInjected(given: Readonly<Record<string, unknown>>): () => Promise<void> {
    const injections = this.collect().scopes.flatMap((scope) => scope.injections);
    const restore = this.#dependencies.replace(given, injections);
    this.#dispatch = undefined;
    return async () => {
      this.#dispatch = undefined;
      await restore();
    };
  }

  /** Lets go of what is injected, where the application was used by `fetch` or `request`; a server does it when it stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#dispatch = undefined;
    await this.#dependencies.dispose();
  }

  /** Runs before the server listens, in order of definition. If it throws, the server does not start. */
  startupHandler(handler: () => unknown): this {
    requireFunction("startupHandler()", handler);
    this.#startupHandlers.push(handler);
    return this;
  }

  /** Runs after the server has drained, in reverse order of definition. */
  shutdownHandler(handler: ShutdownHandler): this {
    requireFunction("shutdownHandler()", handler);
    this.#shutdownHandlers.push(handler);
    return this;
  }

  /**
   * Compiles the routes, runs the startup handlers, then listens.
   *
   * @throws RobynError with a code of `docs/errors.md`; nothing listens then.
   */
  async start(options: StartOptions = {}): Promise<RunningServer> {
    const launch = currentLaunch();
    launch?.onStart(this);
    if (launch?.mode === "inspect") return new Promise(() => {});
    if (this.#started) {
      throw new RobynError(
        "ROBYN_STARTED_TWICE",
        "start() was called a second time on this app.",
        "Make another app.",
      );
    }
    let settings = resolveSettings(
      { ...options, maxPayloadSize: options.maxPayloadSize ?? this.#options.maxPayloadSize },
      launch?.flags ?? {},
      process.env,
    );
    this.#started = true;
    this.#limits.maxPayloadSize = settings.maxPayloadSize;
    this.#cacheBytes = settings.cacheSize;
    const logger = (this.#logger ??= createLogger(settings.logLevel));
    const worker = joinCluster();
    if (worker === undefined && wantsPrimary(settings)) {
      const { settingsFor } =
        require("./cluster/platform.ts") as typeof import("./cluster/platform.ts");
      settings = settingsFor(process.platform, settings, logger);
      if (wantsPrimary(settings)) return await this.#startPrimary(settings, logger);
    }
    try {
      return await this.#serve(settings, logger, worker);
    } catch (error) {
      // What it holds open would keep a process alive that serves nothing.
      await this.#joined?.close();
      await this[Symbol.asyncDispose]();
      worker?.failed(error);
      throw error;
    }
  }

  /** This process serves nothing: it starts the workers, each of which runs this program again. */
  async #startPrimary(settings: Settings, logger: Logger): Promise<RunningServer> {
    this.#isPrimary = true;
    const { startPrimary } = require("./cluster/start.ts") as typeof import("./cluster/start.ts");
    const running = await startPrimary(settings, logger, ownSegment(logger, settings.cacheSize));
    currentLaunch()?.onListening();
    return running;
  }

  async #serve(
    settings: Settings,
    logger: Logger,
    worker: ClusterWorker | undefined,
  ): Promise<RunningServer> {
    this.#phase = "starting";
    const compiled = await this.compile();
    const port = (await worker?.listen(settings)) ?? settings.port;
    await this.#joinOthers(worker, logger);
    await this.#joinClusters(worker, logger);
    await this.#runStartupHandlers();
    // Last defined, so first to run: a consumer may need what the other handlers close.
    this.shutdownHandler(() => this.#channels?.stop(settings.shutdownTimeout * 1_000));
    const hasSockets = compiled.endpoints.some(({ route }) => route.socket !== undefined);
    const counted = countRequests(this.#dispatchTo(compiled), settings);
    const listener = await serve(
      compiled,
      counted.dispatch,
      { ...settings, port, accelerator: settings.accelerator && !this.#countsRequests(settings) },
      logger,
      { isShared: worker !== undefined, websocket: hasSockets ? this.webSocketHandler : undefined },
    );
    this.#metrics?.serves();
    const managed = manage({
      listener,
      openStreams: compiled.settings.openStreams,
      // The first is the last to run: the others may need what is injected.
      shutdownHandlers: [
        () => this[Symbol.asyncDispose](),
        () => this.#metrics?.stop(),
        () => this.#joined?.close(),
        () => this.#exchange?.close(),
        ...this.#shutdownHandlers,
      ],
      shutdownTimeoutSeconds: settings.shutdownTimeout,
      logger,
      signals: settings.signals && worker === undefined,
      onDraining: () => {
        this.#phase = "draining";
        this.#metrics?.drains();
        return this.#tasks.end();
      },
    });
    this.#phase = "serving";
    this.#channels?.start();
    // Last: whoever reads the banner may send a signal, and it has to find its handler.
    currentLaunch()?.onListening();
    const { endpoints, core } = compiled;
    // Claims go first: in a reload the old worker lets go of its tasks as soon as this one is ready.
    this.#tasks.begin(worker?.arbiter ?? aloneArbiter, logger);
    worker?.serves({
      ...{ managed, settings, logger, core, routes: endpoints.length },
      requests: counted.count,
    });
    if (settings.banner && worker === undefined) printBanner(compiled, listener.server);
    return managed.running;
  }

  /**
   * The application as a fetch handler, to mount in a `Bun.serve` of your own: `Bun.serve({ fetch: app.fetch })`.
   * The first call compiles the routes; startup handlers, signals and limits are then yours.
   */
  readonly fetch = (request: Request, server?: BunServer): Response | Promise<Response> => {
    if (this.#dispatch !== undefined) return this.#dispatch(request, server);
    return this.#ready().then((dispatch) => dispatch(request, server));
  };

  async #ready(): Promise<Dispatch> {
    const compiled = await this.compile();
    await this.#dependencies.make();
    this.#channels?.start();
    this.#mounted ??= this.#dispatchTo(compiled);
    return (this.#dispatch = this.#mounted);
  }

  /**
   * Answers in process, through the same dispatch as a socket.
   *
   * @param target a path (`"/users/7?full=1"`), a URL, or a `Request`.
   */
  async request(target: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request =
      target instanceof Request ? new Request(target, init) : new Request(toUrl(target), init);
    const response = await this.fetch(request);
    // Over a socket Bun drops the body of HEAD; here nobody else does.
    return request.method === "HEAD" ? new Response(null, response) : response;
  }

  /** @internal the compiled routes; from the first call on, definitions are refused */
  compile(): Promise<Compiled> {
    return (this.#compiled ??= this.#compile());
  }

  async #compile(): Promise<Compiled> {
    const { strict = false, development = process.env.NODE_ENV === "development" } = this.#options;
    const logger = (this.#logger ??= createLogger());
    this.seal();
    const { routes, scopes } = this.collect();
    const compiled = compile(routes, scopes, {
      dependencies: this.#dependencies,
      isInspected: currentLaunch()?.mode === "inspect",
      core: this.#core(),
      strict,
      development,
      logger,
      onValidationError: this.#options.onValidationError,
      outermost: this.#responseHeaders.seal(strict),
      cookieKeys: this.#options.cookieKeys ?? [],
      limits: this.#limits,
      proxies: this.#proxies,
      optionHooks: (route) => [routeRateLimit(route)].filter((it) => it !== undefined),
      segment: this.#segment,
      sharesSegment: this.#segment.isShared,
      cached: (route, handler, settings, timeout) =>
        this.cache.keep({ route, handler, settings, timeout }),
      topics: {
        follow: (...given) => this.#hubOf().follow(...given),
        placeOf: (topic) => this.#hubOf().placeOf(topic),
      },
      upgrade: (route, validated, settings) => {
        const { handshakeOf } =
          require("./websocket/handshake.ts") as typeof import("./websocket/handshake.ts");
        return handshakeOf(route, route.socket!, validated, { hub: this.#hubOf(), ...settings });
      },
    });
    // A const handler may fail when everything that is injected is made.
    return await compiled.catch(async (error) => {
      await this.#dependencies.dispose();
      throw error;
    });
  }

  #core(): Core {
    return loadCore(this.#options.core ?? "auto", (this.#logger ??= createLogger()));
  }

  /** Loaded here: an app without metrics starts without them. */
  #ownMetrics(): ApplicationMetrics {
    if (this.#metrics !== undefined) return this.#metrics;
    const { ApplicationMetrics: Metrics } =
      require("./metrics/application.ts") as typeof import("./metrics/application.ts");
    return (this.#metrics = new Metrics(this.#segment, () => (this.#logger ??= createLogger())));
  }

  /** With metrics a dispatch that measures, chosen once: others pay nothing for them. */
  #dispatchTo(compiled: Compiled): Dispatch {
    if (!this.#metrics?.isExposed) return createDispatch(compiled);
    const { processes, workers, generation } = this.cluster;
    const others = { cache: () => this.cache.stats(), listeners: processes * workers };
    const meters = this.#metrics.measure(compiled, others, generation, this.#realTime);
    return createMeasuredDispatch(compiled, meters);
  }

  readonly #realTime: RealTimeSource = {
    counts: () => realTimeCounts(this.#hub, this.#exchange),
    channels: () => this.#channels?.collect() ?? [],
  };

  /** What Bun's own table answers is seen by nobody. */
  #countsRequests({ maxRequests }: Settings): boolean {
    return maxRequests > 0 || this.#metrics?.isExposed === true;
  }

  async #joinOthers(worker: ClusterWorker | undefined, logger: Logger): Promise<void> {
    this.#exchange = await worker?.openExchange(logger, () => void this.#hubOf());
    if (this.#exchange === undefined) return;
    if (this.#hub !== undefined) this.#exchange.attach(this.#hub);
    this.#channels?.connect(this.#exchange);
    await this.#exchange.caughtUp();
  }

  async #joinClusters(worker: ClusterWorker | undefined, logger: Logger): Promise<void> {
    const { adapter } = this.#options;
    if (adapter === undefined) return;
    const cluster = worker?.seat.cluster ?? crypto.randomUUID();
    const surroundings = { cluster, hub: this.#hubOf(), cache: this.cache, logger };
    const joined = (this.#joined = await adapter.open(surroundings));
    if (joined.rateLimits !== undefined) this.#segment().rateLimits.remote = joined.rateLimits;
    if (joined.channels !== undefined) this.#channels?.join(joined.channels);
    this.#metrics?.watchAdapter(adapter.name, () => joined.counts());
  }

  /** Loaded here: an app without topics starts without them. */
  #hubOf(): Hub {
    if (this.#hub !== undefined) return this.#hub;
    const { Hub } = require("./websocket/hub.ts") as typeof import("./websocket/hub.ts");
    this.#hub = new Hub(this.#websockets, this.#topics);
    this.#exchange?.attach(this.#hub);
    return this.#hub;
  }

  async #runStartupHandlers(): Promise<void> {
    try {
      for (const handler of this.#startupHandlers) await handler();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : Bun.inspect(cause);
      throw new RobynError(
        "ROBYN_STARTUP_FAILED",
        `A startup handler failed: ${why}.`,
        "The server does not listen before every startup handler has finished.",
        { cause },
      );
    }
  }
}

/** Loaded only where there is a cluster to join. */
function joinCluster(): ClusterWorker | undefined {
  if (currentSeat() === undefined) return undefined;
  const { joinCluster: join } =
    require("./cluster/worker.ts") as typeof import("./cluster/worker.ts");
  return join(dieWithParent);
}

function toUrl(target: string | URL): string {
  const text = String(target);
  if (text.startsWith("/")) return `http://localhost${text}`;
  if (URL.canParse(text)) return text;
  throw new TypeError(
    `request() was given ${JSON.stringify(text)}; it takes a path that begins with "/", a URL or a Request`,
  );
}
