/**
 * Router and SubRouter collect definitions: routes, hooks, exception handlers, included routers. Nothing is decided
 * here; `compile` reads the whole tree once, at start, so the order of definitions does not matter.
 */
import { RobynError } from "../errors.ts";
import { isToken, standardMethods } from "../http/method.ts";
import { type Injection, injectionsOf } from "../injection/injection.ts";
import type {
  Injectables,
  InjectedOf,
  Injecting,
  Needing,
  NotTaken,
  Nothing,
  ValuesOf,
} from "../injection/types.ts";
import { limits } from "../limits.ts";
import { defineSocket, routeOptionsOf } from "./define-socket.ts";
import { checkOptions, checkSubRouterOptions, requireFunction } from "./option-check.ts";
import {
  type AfterHook,
  type AnswerOf,
  type AnyState,
  type BeforeHook,
  type ContextOf,
  type ExceptionHandler,
  type Handler,
  noOptions,
  type PathParameters,
  type Route,
  type RouteOptions,
  type Scope,
  type ScopedHook,
} from "./route.ts";
import type { SocketsOf } from "./socket-contract.ts";
import type { DefineSocket } from "./socket-route.ts";

/** Defines a route of one method: options, if any, come before the handler, as a decorator reads. */
export interface DefineRoute<Self, State extends object, Prefix extends string> {
  <const Path extends string>(
    path: Path,
    handler: Handler<PathParameters<`${Prefix}${Path}`>, State, InjectedOf<Self>>,
  ): Self;
  <const Path extends string, const Options extends RouteOptions<State, InjectedOf<Self>>>(
    path: Path,
    options: Options & NoOther<Options>,
    handler: (
      context: ContextOf<`${Prefix}${Path}`, Options, State, InjectedOf<Self>>,
    ) => AnswerOf<Options>,
  ): Self;
}

/** A generic parameter accepts any extra key; this makes a misspelled option an error of the compiler. */
export type NoOther<Options> = { [Name in Exclude<keyof Options, keyof RouteOptions>]: never };

/** A router without its types: what another router needs to include it. */
export interface Includable {
  collect(outer: readonly Scope[]): { routes: Route[]; scopes: Scope[] };
  includes(other: Includable): boolean;
  seal(): void;
}

export abstract class Router<
  State extends object = AnyState,
  Prefix extends string = "",
  Injected extends object = Nothing,
>
  implements Includable, Injecting<Injected>
{
  /** For the compiler only: names that routers around this one, or statements, inject. */
  declare readonly "~injected"?: Injected;
  readonly get: DefineRoute<this, State, Prefix> = this.#definer("GET");
  readonly head: DefineRoute<this, State, Prefix> = this.#definer("HEAD");
  readonly post: DefineRoute<this, State, Prefix> = this.#definer("POST");
  readonly put: DefineRoute<this, State, Prefix> = this.#definer("PUT");
  readonly patch: DefineRoute<this, State, Prefix> = this.#definer("PATCH");
  readonly delete: DefineRoute<this, State, Prefix> = this.#definer("DELETE");
  readonly options: DefineRoute<this, State, Prefix> = this.#definer("OPTIONS");
  readonly trace: DefineRoute<this, State, Prefix> = this.#definer("TRACE");

  /**
   * A WebSocket route: the GET route of its path for requests that ask for one. Options hold functions for what happens
   * (`open`, `message`, `close`, …), or a handler behind them reads the messages itself.
   *
   * @example
   * app.websocket("/chat/:room", {
   *   open: (socket) => socket.subscribe(socket.params.room),
   *   message: (socket, message) => socket.publish(socket.params.room, message),
   * });
   * app.websocket("/echo", {}, async function* (socket) {
   *   for await (const message of socket) yield message;
   * });
   */
  readonly websocket: DefineSocket<this, State, Prefix> = (
    path: string,
    options: unknown,
    handler?: unknown,
  ): this => {
    this.#assertOpen(`websocket ${path}`);
    const socket = defineSocket(path, options, handler);
    const definedAt = captureDefinition();
    this.#routes.push({
      method: "GET",
      path,
      options: routeOptionsOf(socket),
      // Replaced by the handshake, which `compile` is given.
      handler: () => undefined,
      socket,
      definedAt,
    });
    return this;
  };

  readonly #prefix: string;
  readonly #tags: readonly string[];
  readonly #routes: Omit<Route, "scopes">[] = [];
  readonly #children: Includable[] = [];
  readonly #before: ScopedHook<BeforeHook<AnyState>>[] = [];
  readonly #after: ScopedHook<AfterHook<AnyState>>[] = [];
  readonly #exceptions: ExceptionHandler<AnyState>[] = [];
  readonly #injections: Injection[] = [];
  #sealed = false;

  constructor(prefix: string, tags: readonly string[]) {
    this.#prefix = checkPrefix(prefix);
    this.#tags = tags;
  }

  /** The general form of `get`, `post` and so on: any method token (RFC 9110 §9.1), for instance `PROPFIND`. */
  addRoute<const Path extends string, const Options extends RouteOptions<State, InjectedOf<this>>>(
    method: string,
    path: Path,
    options: Options & NoOther<Options>,
    handler: (
      context: ContextOf<`${Prefix}${Path}`, Options, State, InjectedOf<this>>,
    ) => AnswerOf<Options>,
  ): this {
    return this.#define(method, path, options, handler);
  }

  /**
   * Runs before the handlers of this router and the routers in it, for every method; with a pattern, only for
   * requests whose canonical path it matches. All matching hooks run, outermost first, in order of definition.
   */
  beforeRequest(hook: BeforeHook<State, InjectedOf<this>>): this;
  beforeRequest(pattern: string, hook: BeforeHook<State, InjectedOf<this>>): this;
  beforeRequest(first: unknown, second?: unknown): this {
    return this.#hook("beforeRequest", this.#before, first, second);
  }

  /** Runs after the handler, also for errors and for what a before hook answered; innermost first. */
  afterRequest(hook: AfterHook<State, InjectedOf<this>>): this;
  afterRequest(pattern: string, hook: AfterHook<State, InjectedOf<this>>): this;
  afterRequest(first: unknown, second?: unknown): this {
    return this.#hook("afterRequest", this.#after, first, second);
  }

  /** Turns errors into answers; the innermost router is asked first. On the app it also sees 404, 405 and the like. */
  exception(handler: ExceptionHandler<State, InjectedOf<this>>): this {
    this.#assertOpen("exception()");
    requireFunction("exception", handler);
    this.#exceptions.push(handler as ExceptionHandler<AnyState>);
    return this;
  }

  /**
   * Gives the contexts of this router, and of the routers in it, members of these names: values as they are, `perApp()` or
   * `perRequest()`. They are on sockets as well. The order of definitions does not matter.
   *
   * @throws RobynError ROBYN_INJECTION_INVALID; at start ROBYN_INJECTION_CONFLICT for a name that a router around it has.
   * @example router.inject({ user: perRequest(({ headers }) => findUser(headers)) }).get("/me", ({ user }) => user);
   */
  inject<Given extends Injectables<State, InjectedOf<this>>>(
    given: Given & NotTaken<Given>,
  ): this & Injecting<ValuesOf<Given>>;
  inject(given: unknown): this {
    return this.addInjections("inject()", given);
  }

  /** @internal */
  protected addInjections(call: string, given: unknown): this {
    this.#assertOpen(call);
    this.#injections.push(...injectionsOf(call, given, captureDefinition()));
    return this;
  }

  /** Adds the routes of `router` below this one's prefix. Routes added to it later are seen too, until the start. */
  includeRouter<Included extends Includable & Needing<InjectedOf<this>>>(
    router: Included,
  ): this & SocketsOf<Included, Prefix>;
  includeRouter(router: Includable): this {
    this.#assertOpen("includeRouter()");
    if (!(router instanceof SubRouter)) {
      throw new RobynError(
        "ROBYN_HANDLER_INVALID",
        "includeRouter() was not given a SubRouter.",
        "Pass new SubRouter(…).",
      );
    }
    if (router.includes(this)) {
      throw new RobynError(
        "ROBYN_OPTION_INVALID",
        "includeRouter() would make a router contain itself.",
        "Include each router in outer ones only.",
      );
    }
    this.#children.push(router);
    return this;
  }

  /** @internal every route of this router and the routers in it, prefixes joined, outermost scope first */
  collect(outer: readonly Scope[] = []): { routes: Route[]; scopes: Scope[] } {
    const scope = this.#scope(outer.at(-1));
    const scopes = [...outer, scope];
    const routes: Route[] = this.#routes.map((route) => ({
      ...route,
      path: joinPath(scope.prefix, route.path),
      scopes,
    }));
    const all = [scope];
    for (const child of this.#children) {
      const inner = child.collect(scopes);
      for (const route of inner.routes) routes.push(route);
      all.push(...inner.scopes);
    }
    return { routes, scopes: all };
  }

  /** @internal whether `other` is this router or inside it */
  includes(other: Includable): boolean {
    return other === this || this.#children.some((child) => child.includes(other));
  }

  /** @internal from now on every definition throws ROBYN_SEALED */
  seal(): void {
    this.#sealed = true;
    for (const child of this.#children) child.seal();
  }

  #scope(outer: Scope | undefined): Scope {
    const prefix = (outer?.prefix ?? "") + this.#prefix;
    const withPrefix = <Hook>({ hook, pattern }: ScopedHook<Hook>): ScopedHook<Hook> => ({
      hook,
      pattern: pattern === undefined ? undefined : joinPath(prefix, pattern),
    });
    return {
      outer,
      prefix,
      tags: this.#tags,
      before: this.#before.map(withPrefix),
      after: this.#after.map(withPrefix),
      exceptions: this.#exceptions,
      injections: this.#injections,
    };
  }

  #definer(method: string): DefineRoute<this, State, Prefix> {
    return (path: string, first: unknown, second?: unknown): this =>
      second === undefined
        ? this.#define(method, path, noOptions, first)
        : this.#define(method, path, first, second);
  }

  #define(method: string, path: string, options: unknown, handler: unknown): this {
    this.#assertOpen(`${method} ${path}`);
    checkMethod(method, path);
    checkOptions(`${method} ${path}`, options);
    requireFunction(`${method} ${path}`, handler);
    const definedAt = captureDefinition();
    this.#routes.push({
      method,
      path,
      options: options as RouteOptions<AnyState>,
      handler: handler as Route["handler"],
      definedAt,
    });
    return this;
  }

  #hook(name: string, into: ScopedHook<unknown>[], first: unknown, second: unknown): this {
    const [pattern, hook] = typeof first === "string" ? [first, second] : [undefined, first];
    this.#assertOpen(`${name}()`);
    requireFunction(name, hook);
    into.push({ hook, pattern });
    return this;
  }

  #assertOpen(what: string): void {
    if (!this.#sealed) return;
    throw new RobynError(
      "ROBYN_SEALED",
      `${what} was defined after the application had started.`,
      "Define every route and hook before start(), or before the first use of app.fetch.",
    );
  }
}

/**
 * Routes below a common prefix, with hooks of their own that apply to them and to what is included in them.
 *
 * @example
 * const admin = new SubRouter("/admin", { tags: ["admin"] }).get("/stats", stats);
 * app.includeRouter(admin);
 */
export class SubRouter<
  const Prefix extends string = "",
  State extends object = AnyState,
  Injected extends object = Nothing,
>
  extends Router<State, Prefix, Injected>
  implements Needing<Injected>
{
  /** For the compiler only: what routers around this one have to inject. */
  declare readonly "~needs"?: (names: Injected) => void;

  constructor(prefix?: Prefix, options: { tags?: readonly string[] } = {}) {
    super(prefix ?? "", checkSubRouterOptions(options));
  }
}

/** Joins without doubling the slash: `/admin` + `/` is `/admin`. */
export function joinPath(prefix: string, path: string): string {
  return prefix !== "" && path === "/" ? prefix : prefix + path;
}

function checkPrefix(prefix: string): string {
  const trimmed = prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
  if (trimmed === "" || trimmed.startsWith("/")) return trimmed;
  throw new RobynError(
    "ROBYN_PATTERN_INVALID",
    `The prefix "${prefix}" does not begin with a slash.`,
    `Write "/${prefix}".`,
  );
}

/** The codes that a method's name may not be: too long or no token; Bun refuses lower-case methods itself. */
function checkMethod(method: string, path: string): void {
  const isStandard = (standardMethods as readonly string[]).includes(method);
  if (method === "CONNECT") {
    throw new RobynError(
      "ROBYN_METHOD_INVALID",
      `CONNECT ${path} cannot be served: Bun.serve is no proxy and passes no tunnel on.`,
      "Remove the route.",
    );
  }
  if (
    isStandard ||
    (isToken(method) && method === method.toUpperCase() && method.length <= limits.method_bytes_max)
  )
    return;
  throw new RobynError(
    "ROBYN_METHOD_INVALID",
    `The route ${JSON.stringify(path)} was given the method ${JSON.stringify(method)}.`,
    `A method is an upper-case token of at most ${limits.method_bytes_max} characters, for instance "GET" or "PROPFIND".`,
  );
}

/** Our own frames and the caller's: more would only take memory, of which ten thousand routes need a lot. */
function captureDefinition(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 5;
  const definedAt = new Error();
  Error.stackTraceLimit = limit;
  return definedAt;
}
