/**
 * Turns the collected definitions into what serves them: every route into the table, hooks and handler into one
 * chain per endpoint, const responses into the cache. Runs once; a mistake stops it before anything listens.
 */
import { RobynError } from "../errors.ts";
import { addMissing } from "../http/header.ts";
import { coverage, matchPattern, type Pattern } from "../http/pattern.ts";
import type { Logger } from "../logger.ts";
import type { Core, CoreName, ResponseCache, RouteTable, Segment } from "../native/core.ts";
import { takeSegmentPlace } from "../native/segment-place.ts";
import { guardBody } from "../request/body-limit.ts";
import type { ContextSettings } from "../request/context.ts";
import type { TrustedProxies } from "../request/proxies.ts";
import { OpenStreams } from "../response/open-streams.ts";
import { ConstResponse, storeConstResponse } from "../response/const-response.ts";
import { type Chain, type ChainParts, compose, type ValidationErrorHandler } from "./compose.ts";
import { checkConst, runOnce } from "./const-route.ts";
import { Deadlines } from "./deadline.ts";
import { type AppLimits, limitsOf, limitsOfMiss, takesBody, timeoutOf } from "./limits.ts";
import { describeRoute, refusalError } from "./refusal.ts";
import { ChainCache, PatternCache } from "./sharing.ts";
import { invalidSchemaOption, withValidation } from "./validate.ts";
import type {
  AfterHook,
  AnyContext,
  AnyState,
  BeforeHook,
  Route,
  Scope,
  ScopedHook,
} from "./route.ts";

export interface CompileOptions {
  readonly core: Core;
  /** Opens it, or gives what is open; what else uses it has to use the same. Default: one of its own. */
  readonly segment?: () => Segment;
  readonly strict: boolean;
  readonly logger: Logger;
  readonly development: boolean;
  readonly onValidationError: ValidationErrorHandler | undefined;
  /** Runs last on every response. */
  readonly outermost: AfterHook<AnyState> | undefined;
  readonly cookieKeys: readonly string[];
  readonly limits: AppLimits;
  readonly proxies: TrustedProxies | undefined;
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
  const settings: ContextSettings = {
    strict: options.strict,
    cookieKeys: options.cookieKeys,
    logger: options.logger,
    openStreams: new OpenStreams(),
    limits: limitsOfMiss(options.limits),
    proxies: options.proxies,
    segment: options.segment ?? openOnce(options.core),
    route: "no route",
  };
  const chains = new ChainCache(options);
  const shared: Shared = { table, patterns, deadlines, settings, chains };
  const missParts = partsOfMiss(scopes, shared, options);
  const endpoints = routes.map((route, id) => defineEndpoint(route, id, routes, shared, options));
  table.seal();
  await storeConstResponses(endpoints, cache);
  return {
    core: options.core.name,
    table,
    endpoints,
    miss: compose(missParts, options),
    missHasParts:
      missParts.before.length + missParts.after.length + missParts.exceptions.length > 0,
    methods: new Set(routes.map((route) => route.method)),
    settings,
  };
}

/** What the endpoints of one application share while they are defined. */
interface Shared {
  readonly table: RouteTable;
  readonly patterns: PatternCache;
  readonly deadlines: Deadlines;
  readonly settings: ContextSettings;
  readonly chains: ChainCache;
}

function defineEndpoint(
  route: Route,
  id: number,
  routes: readonly Route[],
  shared: Shared,
  policy: CompileOptions,
): Endpoint {
  const refused = shared.table.insert(route.method, route.path, id);
  if (refused !== undefined) throw refusalError(route, refused, routes);
  checkConst(route);
  checkSchemas(route);
  const limits = limitsOf(route, policy.limits);
  const pattern = shared.patterns.parse(route.path);
  const parts = partsOfRoute(route, pattern, shared, policy);
  const guards = takesBody(route.method) ? [guardBody] : [];
  const endpoint: Endpoint = {
    chain: shared.chains.of({ ...parts, before: [...guards, ...parts.before] }),
    handler:
      route.options.const === true
        ? (context) => endpoint.constResponse!.answer(context.request)
        : withValidation(route.handler, route.options, `${route.method} ${route.path}`),
    names: shared.patterns.share(pattern.names),
    settings: { ...shared.settings, limits, route: `${route.method} ${route.path}` },
    route,
    pattern,
    hooks: parts.before.length + parts.after.length,
    constResponse: undefined,
  };
  return endpoint;
}

function partsOfRoute(
  route: Route,
  pattern: Pattern,
  { patterns, deadlines }: Shared,
  { outermost, limits }: CompileOptions,
): ChainParts {
  const before = route.scopes.flatMap((scope) =>
    select(scope.before, pattern, patterns, onlyBefore),
  );
  const after = route.scopes.flatMap((scope) => select(scope.after, pattern, patterns, onlyAfter));
  return {
    before: [...before, ...toList(route.options.beforeRequest)],
    after: [
      ...toList(outermost),
      ...after,
      ...headersHook(route.options.responseHeaders),
      ...toList(route.options.afterRequest),
    ].reverse(),
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
  { patterns, deadlines }: Shared,
  { outermost, limits }: CompileOptions,
): ChainParts {
  const regions = scopes.filter((scope, index) => index === 0 || scope.prefix !== "");
  const below = <Hook>(hooks: readonly ScopedHook<Hook>[], { prefix }: Scope): ScopedHook<Hook>[] =>
    hooks.map(({ hook, pattern }) => ({
      hook,
      pattern: pattern ?? (prefix === "" ? undefined : `${prefix}/*`),
    }));
  const before = regions.flatMap((scope) =>
    select(below(scope.before, scope), undefined, patterns, onlyBefore),
  );
  return {
    before: before.length === 0 ? [] : [guardMiss, ...before],
    after: [
      ...toList(outermost),
      ...regions.flatMap((scope) =>
        select(below(scope.after, scope), undefined, patterns, onlyAfter),
      ),
    ].reverse(),
    exceptions: [...(scopes[0]?.exceptions ?? [])].reverse(),
    status: 200,
    deadline: deadlines.of(limits.timeout),
  };
}

/** An application that shares nothing maps nothing. */
function openOnce(core: Core): () => Segment {
  let segment: Segment | undefined;
  return () => (segment ??= core.openSegment(takeSegmentPlace()));
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

function checkSchemas(route: Route): void {
  const name = invalidSchemaOption(route.options);
  if (name === undefined) return;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${describeRoute(route)} was given something that is no schema as "${name}".`,
    "Pass a TypeBox type (t.Object(…)), a JSON Schema or any Standard Schema.",
  );
}

async function storeConstResponses(
  endpoints: readonly Endpoint[],
  cache: ResponseCache,
): Promise<void> {
  for (const [id, { route }] of endpoints.entries()) {
    if (route.options.const === true) await storeConstResponse(cache, id, await runOnce(route));
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
