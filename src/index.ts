/** The public surface. Its list is pinned by a test. */
import "./bun-version.ts";

export { Robyn } from "./app.ts";
export type { RobynOptions } from "./app-options.ts";
export type { AppCache, Invalidation } from "./cache/app-cache.ts";
export type { BatchHandler, Channel, ChannelStats } from "./channel/channel.ts";
export type { ChannelOptions, ConsumeOptions, SendOptions } from "./channel/options.ts";
export { type ErrorCode, HttpError, type HttpErrorOptions, RobynError } from "./errors.ts";
export type { HealthCheck, HealthOptions } from "./health/options.ts";
export { perApp, type PerApp, perRequest, type PerRequest } from "./injection/providers.ts";
export type { InjectedOf } from "./injection/types.ts";
export { createLogger, type Logger, type LogLevel } from "./logger.ts";
export type { Counter, Gauge, Histogram } from "./metrics/instruments.ts";
export type { GaugeOptions, HistogramOptions, MetricOptions } from "./metrics/registry.ts";
export type { MetricsOptions } from "./metrics/route.ts";
export { compress, type CompressOptions } from "./middleware/compress.ts";
export { etag, type EtagOptions } from "./middleware/etag.ts";
export { rateLimit } from "./middleware/rate-limit.ts";
export { type BunServer, Context } from "./request/context.ts";
export type { FormOptions } from "./request/form-options.ts";
export type { Form } from "./request/form.ts";
export type { ProxyHeaders } from "./request/proxies.ts";
export type { Query } from "./request/query.ts";
export type { Upload } from "./request/upload.ts";
export {
  type CookieIdentity,
  type CookieOptions,
  signCookie,
  verifyCookie,
} from "./response/cookies.ts";
export { type FileAnswer, type FileOptions, serveFile } from "./response/file.ts";
export { type JsonLines, type JsonLinesOptions, jsonLines } from "./response/json-lines.ts";
export {
  type EventStream,
  type EventStreamOptions,
  type EventStreamRequest,
  type ServerSentEvent,
  sse,
  type TopicStreamOptions,
} from "./response/sse.ts";
export { html, json, redirect, status, StatusValue } from "./response/values.ts";
export type { RateLimitKey, RateLimitOptions } from "./routing/rate-limit-options.ts";
export type { CacheTotals } from "./native/core.ts";
export type { CachePolicy } from "./routing/cache-policy.ts";
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
export type {
  MessageStream,
  SendResult,
  Socket,
  SubscribeOptions,
} from "./routing/socket-route.ts";
export { MessageError } from "./websocket/message.ts";
export type { Member, TopicPresence } from "./websocket/presence.ts";
export type { WebSocketSettings, TopicSettings } from "./websocket/settings.ts";
export type { CacheOptions, DirectoryOptions } from "./static/options.ts";
export type { RunningServer } from "./server/lifecycle.ts";
export type { ClusterPlace } from "./server/place.ts";
export type { StartOptions } from "./server/settings.ts";
export type { CronOptions, TaskFunction } from "./server/tasks.ts";
