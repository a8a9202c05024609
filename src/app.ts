/** The façade that applications chain on. It wires the rooms and computes nothing. */
import { checkOptions, type RobynOptions } from "./app-options.ts";
import { Rooms } from "./app-rooms.ts";
import { joinCluster, startApp } from "./app-start.ts";
import type { AppCache } from "./cache/app-cache.ts";
import type { Channel } from "./channel/channel.ts";
import type { ChannelOptions } from "./channel/options.ts";
import { RobynError } from "./errors.ts";
import type { HealthOptions } from "./health/options.ts";
import type {
  Injectables,
  InjectedOf,
  Injecting,
  NotTaken,
  Nothing,
  ValuesOf,
} from "./injection/types.ts";
import type { Counter, Gauge, Histogram } from "./metrics/instruments.ts";
import type { GaugeOptions, HistogramOptions, MetricOptions } from "./metrics/registry.ts";
import type { MetricsOptions } from "./metrics/route.ts";
import { routeRateLimit } from "./middleware/rate-limit.ts";
import { ResponseHeaders } from "./middleware/response-headers.ts";
import type { BunServer } from "./request/context.ts";
import { proxiesOf, type TrustedProxies } from "./request/proxies.ts";
import { checkCookieKeys } from "./response/cookies.ts";
import { type Compiled, compile } from "./routing/compile.ts";
import { type AppLimits, checkTimeout, timeout_s_default } from "./routing/limits.ts";
import { requireFunction } from "./routing/option-check.ts";
import type { AnyState, RouteOptions } from "./routing/route.ts";
import { Router } from "./routing/router.ts";
import type { Dispatch } from "./server/dispatch.ts";
import { currentLaunch } from "./server/launch.ts";
import type { RunningServer, ShutdownHandler } from "./server/lifecycle.ts";
import { type ClusterPlace, placeOf } from "./server/place.ts";
import { seatVariable } from "./server/seat.ts";
import { resolveSettings, type StartOptions } from "./server/settings.ts";
import type { CronOptions, TaskFunction } from "./server/tasks.ts";
import type { DirectoryOptions } from "./static/options.ts";
import type { Infer, Schema } from "./validation/schema.ts";
import type { AppPublishOptions } from "./websocket/hub.ts";
import type { TopicPresence } from "./websocket/presence.ts";

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
  readonly cache: AppCache;
  readonly #options: RobynOptions;
  readonly #rooms: Rooms;
  readonly #startupHandlers: (() => unknown)[] = [];
  readonly #shutdownHandlers: ShutdownHandler[] = [];
  readonly #responseHeaders = new ResponseHeaders();
  readonly #limits: AppLimits;
  readonly #proxies: TrustedProxies | undefined;
  #compiled: Promise<Compiled> | undefined;
  /** Set while everything that is injected is there. */
  #dispatch: Dispatch | undefined;
  #mounted: Dispatch | undefined;
  #started = false;
  #isPrimary = false;

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
    if (options.adapter !== undefined) requireFunction("adapter.open", options.adapter.open);
    this.#options = options;
    this.#rooms = new Rooms(options);
    this.cache = this.#rooms.cache;
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
    this.#rooms.tasks.once(name, task);
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
    this.#rooms.tasks.cron(expression, task, options);
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
    const rooms = this.#rooms;
    const onState = (name: string, isOk: boolean) => rooms.metricsInUse?.noteHealth(name, isOk);
    const phase = () => rooms.phase;
    for (const { path, handler } of healthRoutes(options, phase, () => rooms.logger, onState))
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
    const handler = this.#rooms.metrics.expose(options);
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
    return this.#rooms.metrics.registry.counter(name, help, labels, options);
  }

  /** A number that goes up and down. Of several listeners it is the sum, unless `combine` says `min` or `max`. */
  gauge<const Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    options?: GaugeOptions,
  ): Gauge<Label> {
    return this.#rooms.metrics.registry.gauge(name, help, labels, options);
  }

  /** How values are distributed. The name says their unit: `_seconds`, `_bytes`. */
  histogram<const Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    options?: HistogramOptions,
  ): Histogram<Label> {
    return this.#rooms.metrics.registry.histogram(name, help, labels, options);
  }

  /**
   * Sends to every subscriber of a topic: sockets, and event streams if it is text. Strings and bytes as they are,
   * anything else as JSON. In order; nobody is waited for.
   */
  publish(topic: string, message: unknown, options?: AppPublishOptions): void {
    this.#rooms.hub.publish(topic, message, options);
  }

  /** Sends to the socket with this id. @returns false if there is none, or no room for what waits for it */
  send(id: string, message: unknown): boolean {
    return this.#rooms.hub.send(id, message);
  }

  /** The sockets that are subscribed to a topic, in all processes; of another process as it was a moment ago. */
  presence(topic: string): TopicPresence {
    return this.#rooms.hub.presence.of(topic);
  }

  /** The sockets of this app in a `Bun.serve` of your own: `Bun.serve({ fetch: app.fetch, websocket: app.webSocketHandler })`. */
  get webSocketHandler(): Bun.WebSocketHandler<unknown> {
    const { bunHandler } =
      require("./websocket/bun-handler.ts") as typeof import("./websocket/bun-handler.ts");
    const sizes = this.collect().routes.map(({ socket }) => socket?.options.maxPayload ?? 0);
    const largest = Math.max(this.#rooms.websockets.maxPayload, ...sizes);
    return bunHandler(this.#rooms.hub, largest, () => this.#rooms.logger);
  }

  /**
   * A bounded queue from any handler in any process to one consumer, in one process of the cluster, or of all clusters that
   * an adapter joins. What was accepted is delivered at least once, in order per sender.
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
    return this.#rooms.channels.create(name, options);
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
    const restore = this.#rooms.dependencies.replace(given, injections);
    this.#dispatch = undefined;
    return async () => {
      this.#dispatch = undefined;
      await restore();
    };
  }

  /** Lets go of what is injected, where the application was used by `fetch` or `request`; a server does it when it stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#dispatch = undefined;
    await this.#rooms.dependencies.dispose();
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
    const settings = resolveSettings(
      { ...options, maxPayloadSize: options.maxPayloadSize ?? this.#options.maxPayloadSize },
      launch?.flags ?? {},
      process.env,
    );
    this.#started = true;
    this.#limits.maxPayloadSize = settings.maxPayloadSize;
    this.#rooms.cacheBytes = settings.cacheSize;
    return await startApp(
      {
        rooms: this.#rooms,
        startupHandlers: this.#startupHandlers,
        shutdownHandlers: this.#shutdownHandlers,
        compile: () => this.compile(),
        dispatchTo: (compiled) => this.#rooms.dispatchTo(compiled, this.cluster),
        webSocketHandler: () => this.webSocketHandler,
        becomePrimary: () => (this.#isPrimary = true),
        dispose: () => this[Symbol.asyncDispose](),
      },
      settings,
    );
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
    await this.#rooms.dependencies.make();
    this.#rooms.startChannels();
    this.#mounted ??= this.#rooms.dispatchTo(compiled, this.cluster);
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
    const rooms = this.#rooms;
    this.seal();
    const { routes, scopes } = this.collect();
    const compiled = compile(routes, scopes, {
      dependencies: rooms.dependencies,
      isInspected: currentLaunch()?.mode === "inspect",
      core: rooms.core,
      strict,
      development,
      logger: rooms.logger,
      onValidationError: this.#options.onValidationError,
      outermost: this.#responseHeaders.seal(strict),
      cookieKeys: this.#options.cookieKeys ?? [],
      limits: this.#limits,
      proxies: this.#proxies,
      optionHooks: (route) => [routeRateLimit(route)].filter((it) => it !== undefined),
      segment: rooms.segment,
      sharesSegment: rooms.segment.isShared,
      cached: (route, handler, settings, timeout) =>
        this.cache.keep({ route, handler, settings, timeout }),
      topics: {
        follow: (...given) => rooms.hub.follow(...given),
        placeOf: (topic) => rooms.hub.placeOf(topic),
      },
      upgrade: (route, validated, settings) => {
        const { handshakeOf } =
          require("./websocket/handshake.ts") as typeof import("./websocket/handshake.ts");
        return handshakeOf(route, route.socket!, validated, { hub: rooms.hub, ...settings });
      },
    });
    // A const handler may fail when everything that is injected is made.
    return await compiled.catch(async (error) => {
      await rooms.dependencies.dispose();
      // A database that is away now must not be the end of an app that is mounted.
      if (error instanceof RobynError && error.code === "ROBYN_INJECTION_FAILED")
        this.#compiled = undefined;
      throw error;
    });
  }
}

function toUrl(target: string | URL): string {
  const text = String(target);
  if (text.startsWith("/")) return `http://localhost${text}`;
  if (URL.canParse(text)) return text;
  throw new TypeError(
    `request() was given ${JSON.stringify(text)}; it takes a path that begins with "/", a URL or a Request`,
  );
}
