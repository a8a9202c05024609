/**
 * Every error of the framework.
 *
 * `RobynError` is a mistake of the developer or of the environment: it has a code (`ROBYN_…`), a sentence that
 * says what was given and what was expected, and a fix. Each code has a section in `docs/errors.md`; a test ties
 * the two in both directions.
 *
 * `HttpError` is an answer: a handler or a hook throws it to end the request with a status.
 */
import { reasonPhrase } from "./http/status.ts";

export const errorCodes = [
  "ROBYN_APP_INVALID",
  "ROBYN_APP_NOT_FOUND",
  "ROBYN_BUN_TOO_OLD",
  "ROBYN_CHANNEL_BUSY",
  "ROBYN_CHANNEL_LIMIT",
  "ROBYN_CHANNEL_LOST",
  "ROBYN_CHANNEL_VALUE_INVALID",
  "ROBYN_CONST_FAILED",
  "ROBYN_CONST_INVALID",
  "ROBYN_COOKIE_KEYS_INVALID",
  "ROBYN_DIRECTORY_NOT_FOUND",
  "ROBYN_HANDLER_INVALID",
  "ROBYN_HEADER_INVALID",
  "ROBYN_HOST_INVALID",
  "ROBYN_INJECTION_CONFLICT",
  "ROBYN_INJECTION_CYCLE",
  "ROBYN_INJECTION_FAILED",
  "ROBYN_INJECTION_INVALID",
  "ROBYN_INJECTION_TOO_LATE",
  "ROBYN_LISTEN_FAILED",
  "ROBYN_METHOD_INVALID",
  "ROBYN_METRICS_UNREACHABLE",
  "ROBYN_METRIC_INVALID",
  "ROBYN_NATIVE_UNAVAILABLE",
  "ROBYN_OPTION_INVALID",
  "ROBYN_PATTERN_INVALID",
  "ROBYN_PORT_IN_USE",
  "ROBYN_PRIMARY_NOT_FOUND",
  "ROBYN_RELOAD_FAILED",
  "ROBYN_REQUEST_IN_CONST",
  "ROBYN_RESPONSE_USED",
  "ROBYN_ROUTE_CONFLICT",
  "ROBYN_SEALED",
  "ROBYN_STARTED_TWICE",
  "ROBYN_STARTUP_FAILED",
  "ROBYN_TASK_INVALID",
  "ROBYN_TOO_MANY_METHODS",
  "ROBYN_TOO_MANY_PARAMETERS",
  "ROBYN_TOO_MANY_ROUTES",
  "ROBYN_VALUE_UNSUPPORTED",
  "ROBYN_WEBSOCKET_UNAVAILABLE",
  "ROBYN_WORKER_FAILED",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** A mistake in the definition, the configuration or the environment of an application. */
export class RobynError extends Error {
  override readonly name = "RobynError";
  /** Stable identifier, documented in `docs/errors.md`. */
  readonly code: ErrorCode;
  /** What to do about it, one sentence. */
  readonly fix: string;

  constructor(code: ErrorCode, message: string, fix: string, options?: { cause?: unknown }) {
    super(`${message} ${fix} [${code}]`, options);
    this.code = code;
    this.fix = fix;
  }
}

export interface HttpErrorOptions {
  /** Headers of the answer, for instance `retry-after`. */
  headers?: Record<string, string>;
  /** Kept for the log, never sent. */
  cause?: unknown;
  /** RFC 9457 `type`: a URI that names the problem. Default `about:blank`. */
  type?: string;
  /** RFC 9457 `title`. Default: the reason phrase of the status. */
  title?: string;
  /** RFC 9457 extension members, merged into the problem document. */
  extensions?: Record<string, unknown>;
}

/**
 * Ends the request with `status` and an RFC 9457 problem document whose `detail` is the message.
 *
 * @throws RangeError if the status is not an integer from 400 to 599.
 * @example throw new HttpError(404, "no note has the id 7");
 */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Record<string, string> | undefined;
  readonly type: string;
  readonly title: string;
  readonly extensions: Record<string, unknown> | undefined;

  constructor(status: number, detail?: string, options: HttpErrorOptions = {}) {
    super(detail ?? "", options.cause === undefined ? undefined : { cause: options.cause });
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`HttpError was given the status ${status}; it takes 400 to 599.`);
    }
    this.status = status;
    this.headers = options.headers;
    this.type = options.type ?? "about:blank";
    this.title = options.title ?? reasonPhrase(status);
    this.extensions = options.extensions;
  }
}
