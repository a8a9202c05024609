/** What the application gives to the compilation of its routes. */
import type { AppDependencies } from "../injection/app-dependencies.ts";
import type { Logger } from "../logger.ts";
import type { Core, Segment } from "../native/core.ts";
import type { ContextSettings } from "../request/context.ts";
import type { TrustedProxies } from "../request/proxies.ts";
import type { Topics } from "../response/topics.ts";
import type { ValidationErrorHandler } from "./compose.ts";
import type { AppLimits } from "./limits.ts";
import type { AfterHook, AnyContext, AnyState, BeforeHook, Route } from "./route.ts";
import type { Upgrade } from "./socket-route.ts";

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
