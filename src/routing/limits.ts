/** Limits and timeouts of a route: its own options over those of the app. Decided once, at start. */
import { RobynError } from "../errors.ts";
import { type RequestLimits, serverTimeout_s_max } from "../request/body-limit.ts";
import { formLimits } from "../request/form-options.ts";
import { hasFiles } from "../validation/files.ts";
import type { JsonSchema } from "../validation/json-schema.ts";
import { describeRoute } from "./refusal.ts";
import type { Route } from "./route.ts";

/** What an application sets for all its routes. */
export interface AppLimits {
  /** Bytes of a request body. Flags and environment may change it when the server starts. */
  maxPayloadSize: number;
  /** Seconds that a handler has; 0: no limit. */
  readonly timeout: number;
}

export const timeout_s_default = 30;
const timeout_s_max = 86_400;

/** Options that say something about the body of a request. */
const bodyOptions = ["maxPayloadSize", "stream", "uploadTimeout", "form"] as const;

/** Whether a request of this method can have a body: that of GET and HEAD means nothing (RFC 9110 §9.3.1), Bun drops it. */
export function takesBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** @throws RobynError ROBYN_OPTION_INVALID naming the route, the option and what it takes. */
export function limitsOf(route: Route, app: AppLimits): RequestLimits {
  checkOptions(route, app);
  const { maxPayloadSize, stream, uploadTimeout = 0, form = {} } = route.options;
  return {
    app,
    maxPayloadSize,
    countsWhileReading: stream ?? readsForm(route),
    uploadTimeout,
    form,
  };
}

/** Where no route answers; hooks may look at the body. */
export function limitsOfMiss(app: AppLimits): RequestLimits {
  return { app, maxPayloadSize: undefined, countsWhileReading: false, uploadTimeout: 0, form: {} };
}

/** A form for a schema is read by us, who count, and may be large. */
function readsForm({ options: { body, bodyType } }: Route): boolean {
  if (body === undefined) return false;
  return (bodyType ?? (hasFiles(body as JsonSchema) ? "form" : "json")) === "form";
}

/** Seconds until a request is given up: what the client may take for its body, then what the handler may take. */
export function timeoutOf(route: Route, app: AppLimits): number {
  const seconds = handlerTimeout(route, app);
  return seconds === 0 ? 0 : seconds + (route.options.uploadTimeout ?? 0);
}

/** @throws RobynError ROBYN_OPTION_INVALID for what is no timeout of an app. */
export function checkTimeout(seconds: unknown): void {
  if (isTimeout(seconds)) return;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `timeout is ${Bun.inspect(seconds)}.`,
    `It takes ${timeoutRange}.`,
  );
}

/** Seconds, fractions too, 0 for none. */
function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= timeout_s_max;
}

const timeoutRange = `seconds, 0 (none) to ${timeout_s_max}`;

function handlerTimeout({ options }: Route, app: AppLimits): number {
  return options.timeout ?? app.timeout;
}

/** Nothing is accepted and then passed over. */
function checkOptions(route: Route, app: AppLimits): void {
  const { const: isConst, maxPayloadSize, timeout, uploadTimeout, form } = route.options;
  for (const name of [...bodyOptions, "timeout"] as const) {
    if (route.options[name] === undefined) continue;
    if (isConst === true)
      refuse(route, name, "nothing on a const route, which runs before any request");
    if (name !== "timeout" && !takesBody(route.method))
      refuse(route, name, `nothing on a ${route.method} route: Bun passes no body of it on`);
  }
  if (
    maxPayloadSize !== undefined &&
    !(Number.isSafeInteger(maxPayloadSize) && maxPayloadSize >= 0)
  )
    refuse(route, "maxPayloadSize", "a whole number of bytes, 0 or more");
  if (timeout !== undefined && !isTimeout(timeout)) refuse(route, "timeout", timeoutRange);
  if (uploadTimeout !== undefined && !(isTimeout(uploadTimeout) && uploadTimeout > 0))
    refuse(route, "uploadTimeout", `seconds, more than 0, up to ${timeout_s_max}`);
  if (handlerTimeout(route, app) === 0 && Number(uploadTimeout) > serverTimeout_s_max)
    refuse(route, "uploadTimeout", `at most ${serverTimeout_s_max} where no timeout would end it`);
  if (form !== undefined) formLimits(form);
}

function refuse(route: Route, name: keyof Route["options"], expected: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${describeRoute(route)} was given ${Bun.inspect(route.options[name])} as ${name}.`,
    `It takes ${expected}.`,
  );
}
