/** The façade that applications chain on. It wires the rooms and computes nothing. */
import { RobynError } from "./errors.ts";
import { createLogger, type Logger } from "./logger.ts";
import { type CoreChoice, loadCore } from "./native/load.ts";
import type { BunServer } from "./request/context.ts";
import { type Compiled, compile } from "./routing/compile.ts";
import type { ValidationErrorHandler } from "./routing/compose.ts";
import type { AnyState } from "./routing/route.ts";
import { Router } from "./routing/router.ts";
import { printBanner } from "./server/banner.ts";
import { createDispatch, type Dispatch } from "./server/dispatch.ts";
import { currentLaunch } from "./server/launch.ts";
import { manage, type RunningServer, type ShutdownHandler } from "./server/lifecycle.ts";
import { serve } from "./server/serve.ts";
import { resolveSettings, type StartOptions } from "./server/settings.ts";

export interface RobynOptions {
  /** Makes `/a/` and `/a` different paths. Default false: one trailing slash is ignored. */
  strict?: boolean;
  /** Shows error messages and stacks to clients. Default: whether NODE_ENV is `development`. */
  development?: boolean;
  /** Replaces the framework's log. */
  logger?: Logger;
  /** Which core matches routes. Default `auto`: Zig, else portable with a warning. */
  core?: CoreChoice;
  /** Gives requests that break their schemas another answer than the 422 problem document. */
  onValidationError?: ValidationErrorHandler;
}

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
export class Robyn<State extends object = AnyState> extends Router<State> {
  readonly [appBrand] = true;
  readonly #options: RobynOptions;
  readonly #startupHandlers: (() => unknown)[] = [];
  readonly #shutdownHandlers: ShutdownHandler[] = [];
  #logger: Logger | undefined;
  #compiled: Promise<Compiled> | undefined;
  #dispatch: Dispatch | undefined;
  #started = false;

  constructor(options: RobynOptions = {}) {
    super("", []);
    checkOptions(options);
    this.#options = options;
    this.#logger = options.logger;
  }

  /** Runs before the server listens, in order of definition. If it throws, the server does not start. */
  startupHandler(handler: () => unknown): this {
    this.#startupHandlers.push(handler);
    return this;
  }

  /** Runs after the server has drained, in reverse order of definition. */
  shutdownHandler(handler: ShutdownHandler): this {
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
    this.#started = true;
    const settings = resolveSettings(options, launch?.flags ?? {}, process.env);
    this.#logger ??= createLogger(settings.logLevel);
    const compiled = await this.compile();
    await this.#runStartupHandlers();
    const server = await serve(compiled, createDispatch(compiled), settings, this.#logger);
    launch?.onListening();
    if (settings.banner) printBanner(compiled, server);
    return manage({
      server,
      shutdownHandlers: this.#shutdownHandlers,
      shutdownTimeoutSeconds: settings.shutdownTimeout,
      logger: this.#logger,
      signals: settings.signals,
    });
  }

  /**
   * The application as a fetch handler, to mount in a `Bun.serve` of your own: `Bun.serve({ fetch: app.fetch })`.
   * The first call compiles the routes; startup handlers, signals and limits are then yours.
   */
  readonly fetch = (request: Request, server?: BunServer): Response | Promise<Response> => {
    if (this.#dispatch !== undefined) return this.#dispatch(request, server);
    return this.compile().then((compiled) =>
      (this.#dispatch ??= createDispatch(compiled))(request, server),
    );
  };

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
    const {
      strict = false,
      development = process.env.NODE_ENV === "development",
      core = "auto",
    } = this.#options;
    const logger = (this.#logger ??= createLogger());
    this.seal();
    const { routes, scopes } = this.collect();
    return compile(routes, scopes, {
      core: loadCore(core, logger),
      strict,
      development,
      logger,
      onValidationError: this.#options.onValidationError,
    });
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

function toUrl(target: string | URL): string {
  const text = String(target);
  return text.startsWith("/") ? `http://localhost${text}` : text;
}

const optionNames = ["strict", "development", "logger", "core", "onValidationError"];

function checkOptions(options: RobynOptions): void {
  for (const name of Object.keys(options)) {
    if (optionNames.includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `new Robyn() was given the unknown option "${name}".`,
      `It takes ${optionNames.join(", ")}; host, port and limits belong to start().`,
    );
  }
}
