/**
 * Turns the collected definitions into what serves them: every route into the table, hooks and handler into one
 * chain per endpoint, const responses into the cache. Runs once; a mistake stops it before anything listens.
 */
import { hasRequestValues } from "../injection/dependency.ts";
import { InjectedScopes } from "../injection/scopes.ts";
import type { CoreName, ResponseCache, RouteTable, Segment } from "../native/core.ts";
import type { ContextSettings } from "../request/context.ts";
import { ConstResponse, variantsOf } from "../response/const-response.ts";
import { OpenStreams } from "../response/open-streams.ts";
import type { CompileOptions } from "./compile-options.ts";
import { type Chain, compose } from "./compose.ts";
import { runOnce } from "./const-route.ts";
import { Deadlines } from "./deadline.ts";
import { type Endpoint, EndpointMaker } from "./endpoint.ts";
import { partsOfMiss } from "./hooks.ts";
import { limitsOfMiss } from "./limits.ts";
import { endingRequests } from "./request-end.ts";
import { locationOf, type Route, type Scope } from "./route.ts";
import { onceForAll } from "./shared-const.ts";
import { PatternCache } from "./sharing.ts";
import { insertRoutes } from "./socket-endpoint.ts";

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
  const sockets = insertRoutes(routes, table);
  const parts = { patterns, deadlines, injected };
  const missParts = partsOfMiss(scopes, parts, options);
  const miss = compose(missParts, options);
  const endpointMaker = new EndpointMaker(options, parts, settings);
  const define = (route: Route, socket?: Endpoint) => endpointMaker.make(route, socket);
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
