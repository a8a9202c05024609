/** Makes the handlers of routes whose answers are kept; those of one application share what this process keeps. */
import type { CacheStore, RemoteCache } from "../native/core.ts";
import type { ContextSettings } from "../request/context.ts";
import { cachePolicyOf } from "../routing/cache-policy.ts";
import type { AnyContext, Route } from "../routing/route.ts";
import { CachedRoute } from "./cached-route.ts";
import { FirstLevel } from "./first-level.ts";
import { OtherClusters } from "./other-clusters.ts";

export type Handler = (context: AnyContext) => unknown;

export interface Definition {
  readonly route: Route;
  readonly handler: Handler;
  readonly settings: ContextSettings;
  /** Seconds that the handler has, 0 for no limit. */
  readonly timeout: number;
}

export type Keeper = (definition: Definition) => Handler;

/** How long others wait for a handler that has no limit of its own. */
const leaseSeconds_default = 30;

export function keeperOf(store: CacheStore, remote: () => RemoteCache | undefined): Keeper {
  const firstLevel = new FirstLevel();
  return ({ route, handler, settings, timeout }) => {
    const policy = cachePolicyOf(route);
    if (policy === undefined) return handler;
    const leaseSeconds = timeout === 0 ? leaseSeconds_default : timeout;
    const cached = new CachedRoute({
      policy,
      handler,
      statusCode: route.options.statusCode ?? 200,
      leaseSeconds,
      isProxied: settings.proxies !== undefined,
      store,
      others: new OtherClusters({ store, remote, policy, leaseSeconds }),
      firstLevel,
      logger: settings.logger,
    });
    return (context) => cached.answer(context);
  };
}
