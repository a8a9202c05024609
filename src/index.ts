/** The public surface. Its list is pinned by a test. */
import "./bun-version.ts";

export { Robyn, type RobynOptions } from "./app.ts";
export { type ErrorCode, HttpError, type HttpErrorOptions, RobynError } from "./errors.ts";
export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export { type BunServer, Context } from "./request/context.ts";
export type { Query } from "./request/query.ts";
export { html, json, redirect, status, StatusValue } from "./response/values.ts";
export type {
  AfterHook,
  BeforeHook,
  ExceptionHandler,
  Handler,
  PathParameters,
  RouteOptions,
} from "./routing/route.ts";
export { type Issue, type Infer, type Schema } from "./validation/schema.ts";
export { t } from "./validation/types.ts";
export { ValidationError } from "./routing/validate.ts";
export { SubRouter } from "./routing/router.ts";
export type { RunningServer } from "./server/lifecycle.ts";
export type { StartOptions } from "./server/settings.ts";
