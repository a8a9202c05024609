/**
 * Turns the collected definitions into what serves them: every route into the table, hooks and handler into one
 * chain per endpoint, const responses into the cache. Runs once; a mistake stops it before anything listens.
 */
import { addMissing } from "../http/header.ts";
import { coverage, matchPattern, type Pattern } from "../http/pattern.ts";
import type { AppDependencies } from "../injection/app-dependencies.ts";
import { hasRequestValues } from "../injection/dependency.ts";
import { InjectedScopes } from "../injection/scopes.ts";
import type { Logger } from "../logger.ts";
import type { Core, CoreName, ResponseCache, RouteTable, Segment } from "../native/core.ts";
import { guardBody, type RequestLimits } from "../request/body-limit.ts";
import type { ContextSettings } from "../request/context.ts";
import type { TrustedProxies } from "../request/proxies.ts";
import { OpenStreams } from "../response/open-streams.ts";
import type { Topics } from "../response/topics.ts";
import { ConstResponse, variantsOf } from "../response/const-response.ts";
import { type Chain, type ChainParts, compose, type ValidationErrorHandler } from "./compose.ts";
import { checkCache } from "./cache-policy.ts";
import { checkConst, runOnce } from "./const-route.ts";
import { Deadlines } from "./deadline.ts";
import { type AppLimits, limitsOf, limitsOfMiss, takesBody, timeoutOf } from "./limits.ts";
import { onceForAll } from "./shared-const.ts";
import { ChainCache, PatternCache } from "./sharing.ts";
import { sightOf } from "./miss-names.ts";
import { endingRequests } from "./request-end.ts";
import { checkSchemas } from "./schema-check.ts";
import { insertRoutes, orSocket, unlessSwitched } from "./socket-endpoint.ts";
import type { Upgrade } from "./socket-route.ts";
import { withValidation } from "./validate.ts";
import {
  type AfterHook,
  type AnyContext,
  type AnyState,
  type BeforeHook,
  locationOf,
  noOptions,
  type Route,
  type Scope,
  type ScopedHook,
} from "./route.ts";

export interface CompileOptions {
  readonly core: Core;
  readonly strict: boolean;
  readonly logger: Logger;
  readonly development: boolean;
  readonly onValidationError: ValidationErrorHandler | undefined;
  /** Runs last on every response. */
  readonly outermost: AfterHook<AnyState> | undefined;
  readonly cookieKeys: readonly string[];
  readonly limits: AppLimits;
  readonly proxies: TrustedProxies | undefined;
  /** Hooks that features make of options of a route; they run last before the handler. */
  readonly optionHooks: (route: Route) => readonly BeforeHook<AnyState>[];
  readonly segment: () => Segment;
  /** Whether other listeners see the segment. */
  readonly sharesSegment: () => boolean;
  /** Stands in the place of the handler of a route whose answers are kept. */
  readonly cached: (
    route: Route,
    handler: (context: AnyContext) => unknown,
    settings: ContextSettings,
    timeout: number,
  ) => (context: AnyContext) => unknown;
  readonly topics: Topics;
  readonly dependencies: AppDependencies;
  /** Whether the routes are only looked at: nothing of the application runs. */
  readonly isInspected: boolean;
  /** Makes the handlers of WebSocket routes. */
  readonly upgrade: Upgrade;
}

/**
 * One compiled route. What a request needs comes first, in one object, and what routes have in common they share:
 * with ten thousand of them, each object that only one route has is a wait for memory.
 */
export interface Endpoint {
  readonly chain: Chain;
  readonly handler: (context: AnyContext) => unknown;
  /** Names of the parameters, in the order of the pattern. */
  readonly names: readonly string[];
  /** What every context of this route shares. */
  readonly settings: ContextSettings;
  readonly route: Route;
  readonly pattern: Pattern;
  /** How many hooks may run, for listings. */
  readonly hooks: number;
  constResponse: ConstResponse | undefined;
  /** The WebSocket route of the same path, for requests that ask for one. */
  readonly socket: Endpoint | undefined;
}

export interface Compiled {
  readonly core: CoreName;
  readonly table: RouteTable;
  readonly endpoints: readonly Endpoint[];
  /** Hooks and exception handlers for requests that no route answers. */
  readonly miss: Chain;
  /** True if `miss` has anything to run. */
  readonly missHasParts: boolean;
  /** Method tokens that a route takes. */
  readonly methods: ReadonlySet<string>;
  /** What every context shares that no route takes. */
  readonly settings: ContextSettings;
}

/** @throws RobynError naming the route, and for a conflict both routes. */
export async function compile(
  routes: readonly Route[],
  scopes: readonly Scope[],
  options: CompileOptions,
): Promise<Compiled> {
  const table = options.core.createRouteTable({ strict: options.strict });
  const cache = options.core.createResponseCache();
  const patterns = new PatternCache(options.strict);
  const deadlines = new Deadlines();
  const injected = new InjectedScopes(options.dependencies, locationOf);
  // All of them, in the order of definition: in this order they are made.
  const names = scopes.map((scope) => injected.of(scope).dependencies);
  const settings: ContextSettings = {
    ...injected.of(scopes[0]),
    strict: options.strict,
    cookieKeys: options.cookieKeys,
    logger: options.logger,
    openStreams: new OpenStreams(),
    limits: limitsOfMiss(options.limits),
    proxies: options.proxies,
    segment: options.segment,
    topics: options.topics,
    route: "no route",
  };
  const chains = new ChainCache(options);
  const sockets = insertRoutes(routes, table);
  const shared: Shared = {
    ...{ patterns, deadlines, settings, chains, injected },
    endings: new Map(),
    withBody: new Map(),
    withoutBody: new Map(),
  };
  const missParts = partsOfMiss(scopes, shared, options);
  const miss = compose(missParts, options);
  const define = (route: Route, socket?: Endpoint) =>
    defineEndpoint(route, socket, shared, options);
  const behind = new Map([...sockets.values()].map((id) => [id, define(routes[id]!)]));
  const endpoints = routes.map(
    (route, id) => behind.get(id) ?? define(route, behind.get(sockets.get(id) ?? -1)),
  );
  table.seal();
  if (!options.isInspected) {
    await options.dependencies.make();
    const store = options.sharesSegment() ? settings.segment : undefined;
    await storeConstResponses(endpoints, cache, store);
  }
  return {
    core: options.core.name,
    table,
    endpoints,
    miss: names.some(hasRequestValues) ? endingRequests(miss) : miss,
    missHasParts:
      missParts.before.length + missParts.after.length + missParts.exceptions.length > 0,
    methods: new Set(routes.map((route) => route.method)),
    settings,
  };
}

/** What the endpoints of one application share while they are defined. */
interface Shared {
  readonly patterns: PatternCache;
  readonly deadlines: Deadlines;
  readonly settings: ContextSettings;
  readonly chains: ChainCache;
  readonly injected: InjectedScopes;
  /** Chains that end their requests, by what they do before. */
  readonly endings: Map<Chain, Chain>;
  /** By the scopes around a route. */
  readonly withBody: Map<readonly Scope[], Common>;
  readonly withoutBody: Map<readonly Scope[], Common>;
}

/** What routes without options may have in common. */
interface Common {
  readonly chain: Chain;
  readonly hooks: number;
  readonly limits: RequestLimits;
}

function defineEndpoint(
  route: Route,
  socket: Endpoint | undefined,
  shared: Shared,
  policy: CompileOptions,
): Endpoint {
  const pattern = shared.patterns.parse(route.path);
  if (route.options !== noOptions) {
    checkConst(route);
    checkCache(route);
    checkSchemas(route, pattern.names);
  }
  const { chain: plain, hooks, limits } = commonOf(route, pattern, shared, policy);
  const injected = shared.injected.of(route.scopes.at(-1));
  const name = `${route.method} ${route.path}`;
  const settings = { ...shared.settings, ...injected, limits, route: name };
  const chain = hasRequestValues(injected.dependencies) ? endingOf(plain, shared.endings) : plain;
  const endpoint: Endpoint = {
    chain: socket === undefined ? chain : orSocket(chain, pattern.names, socket),
    handler:
      route.options.const === true
        ? (context) => endpoint.constResponse!.answer(context.request)
        : handlerOf(route, settings, policy),
    names: shared.patterns.share(pattern.names),
    settings,
    route,
    pattern,
    hooks,
    constResponse: undefined,
    socket,
  };
  return endpoint;
}

function endingOf(chain: Chain, known: Map<Chain, Chain>): Chain {
  const ending = known.get(chain) ?? endingRequests(chain);
  known.set(chain, ending);
  return ending;
}

function handlerOf(
  route: Route,
  settings: ContextSettings,
  policy: CompileOptions,
): (context: AnyContext) => unknown {
  const validated = (handler: Endpoint["handler"]) =>
    withValidation(handler, route.options, settings.route);
  if (route.socket !== undefined) return policy.upgrade(route, validated, settings);
  if (route.options === noOptions) return route.handler;
  const handler = validated(route.handler);
  if (route.options.cache === undefined) return handler;
  return policy.cached(route, handler, settings, timeoutOf(route, policy.limits));
}

/** Routes without options, below scopes whose hooks ask for no path, differ in their handlers only. */
function commonOf(route: Route, pattern: Pattern, shared: Shared, policy: CompileOptions): Common {
  const isPlain = route.options === noOptions && route.scopes.every(isWhole);
  const plain = takesBody(route.method) ? shared.withBody : shared.withoutBody;
  const known = isPlain ? plain.get(route.scopes) : undefined;
  if (known !== undefined) return known;
  const parts = partsOfRoute(route, pattern, shared, policy);
  const guards = takesBody(route.method) ? [guardBody] : [];
  const common = {
    chain: shared.chains.of({ ...parts, before: [...guards, ...parts.before] }),
    hooks: parts.before.length + parts.after.length,
    limits: limitsOf(route, policy.limits),
  };
  if (isPlain) plain.set(route.scopes, common);
  return common;
}

function isWhole({ before, after }: Scope): boolean {
  return [...before, ...after].every(({ pattern }) => pattern === undefined);
}

function partsOfRoute(
  route: Route,
  pattern: Pattern,
  { patterns, deadlines }: Shared,
  { outermost, limits, optionHooks }: CompileOptions,
): ChainParts {
  const before = route.scopes.flatMap((scope) =>
    select(scope.before, pattern, patterns, onlyBefore),
  );
  const scoped = route.scopes.flatMap((scope) => select(scope.after, pattern, patterns, onlyAfter));
  const after = [
    ...toList(outermost),
    ...scoped,
    ...headersHook(route.options.responseHeaders),
    ...toList(route.options.afterRequest),
  ].reverse();
  return {
    before: [...before, ...toList(route.options.beforeRequest), ...optionHooks(route)],
    after: route.socket === undefined ? after : after.map(unlessSwitched),
    exceptions: route.scopes.flatMap((scope) => scope.exceptions).reverse(),
    status: route.options.statusCode ?? 200,
    deadline: deadlines.of(timeoutOf(route, limits)),
  };
}

/**
 * For a miss there is no route to compare with, so patterns are tried per request, and the hooks of a SubRouter
 * apply below its prefix. A SubRouter without prefix has no region: its hooks belong to its routes alone.
 */
function partsOfMiss(
  scopes: readonly Scope[],
  { patterns, deadlines, injected }: Shared,
  { outermost, limits }: CompileOptions,
): ChainParts {
  const regions = scopes.filter((scope, index) => index === 0 || scope.prefix !== "");
  const below = <Hook>(
    hooks: readonly ScopedHook<Hook>[],
    { prefix }: Scope,
    seeing: (hook: Hook) => Hook,
  ): ScopedHook<Hook>[] =>
    hooks.map(({ hook, pattern }) => ({
      hook: seeing(hook),
      pattern: pattern ?? (prefix === "" ? undefined : `${prefix}/*`),
    }));
  const sights = new Map(
    regions.map((scope) => [scope, sightOf(injected.of(scope), injected.of(scopes[0]))]),
  );
  const before = regions.flatMap((scope) =>
    select(below(scope.before, scope, sights.get(scope)!.before), undefined, patterns, onlyBefore),
  );
  return {
    before: before.length === 0 ? [] : [guardMiss, ...before],
    after: [
      ...toList(outermost),
      ...regions.flatMap((scope) =>
        select(below(scope.after, scope, sights.get(scope)!.after), undefined, patterns, onlyAfter),
      ),
    ].reverse(),
    exceptions: [...(scopes[0]?.exceptions ?? [])].reverse(),
    status: 200,
    deadline: deadlines.of(limits.timeout),
  };
}

/** A hook may read the body, also where no route does. */
function guardMiss(context: AnyContext): undefined | Promise<undefined> {
  return takesBody(context.method) ? guardBody(context) : undefined;
}

/** The hooks that can apply to a route: as they are where they always do, with a check where the path decides. */
function select<Hook>(
  hooks: readonly ScopedHook<Hook>[],
  route: Pattern | undefined,
  patterns: PatternCache,
  only: (pattern: Pattern, hook: Hook) => Hook,
): Hook[] {
  const selected: Hook[] = [];
  for (const { hook, pattern: source } of hooks) {
    if (source === undefined) {
      selected.push(hook);
      continue;
    }
    const pattern = patterns.parse(source);
    const relation = route === undefined ? "depends" : coverage(pattern, route);
    if (relation === "always") selected.push(hook);
    if (relation === "depends") selected.push(only(pattern, hook));
  }
  return selected;
}

function onlyBefore(pattern: Pattern, hook: BeforeHook<AnyState>): BeforeHook<AnyState> {
  return (context) => (covers(pattern, context) ? hook(context) : undefined);
}

function onlyAfter(pattern: Pattern, hook: AfterHook<AnyState>): AfterHook<AnyState> {
  return (response, context) => (covers(pattern, context) ? hook(response, context) : undefined);
}

function covers(pattern: Pattern, context: AnyContext): boolean {
  const path = context.canonicalPath;
  return path !== undefined && matchPattern(pattern, path) !== undefined;
}

function headersHook(headers: Readonly<Record<string, string>> | undefined): AfterHook<AnyState>[] {
  if (headers === undefined) return [];
  const fields = Object.entries(headers);
  return [(response) => addMissing(response.headers, fields)];
}

async function storeConstResponses(
  endpoints: readonly Endpoint[],
  cache: ResponseCache,
  segment: (() => Segment) | undefined,
): Promise<void> {
  for (const [id, { route, settings }] of endpoints.entries()) {
    if (route.options.const !== true) continue;
    const make = async () => variantsOf(await runOnce(route, settings.dependencies));
    const store = segment?.().cache();
    const variants = await (store === undefined ? make() : onceForAll(store, route, make));
    for (const [coding, stored] of variants) cache.put(id, coding, stored);
  }
  cache.seal();
  for (const [id, endpoint] of endpoints.entries()) {
    if (endpoint.route.options.const === true)
      endpoint.constResponse = new ConstResponse(cache, id);
  }
}

function toList<Item>(value: Item | readonly Item[] | undefined): readonly Item[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Item];
}
