/** Options as they are written: what is unknown, or no value of its kind, is refused by name where it stands. */
import { RobynError } from "../errors.ts";
import { checkHeader } from "../http/header.ts";
import { checkRateLimit } from "./rate-limit-options.ts";
import { type AnyState, type RouteOptions, routeOptionNames } from "./route.ts";

/** @throws RobynError ROBYN_OPTION_INVALID, ROBYN_HEADER_INVALID, ROBYN_HANDLER_INVALID */
export function checkOptions(route: string, options: unknown): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} was given ${Bun.inspect(options)} as options.`,
      "Write app.get(path, handler) or app.get(path, { …options }, handler).",
    );
  }
  const names = Object.keys(options);
  // Most routes have none, and there may be ten thousand of them.
  if (names.length === 0) return;
  for (const name of names) {
    if ((routeOptionNames as readonly string[]).includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} was given the unknown option "${name}".`,
      `The options of a route are ${routeOptionNames.join(", ")}.`,
    );
  }
  checkValues(route, options);
}

function checkValues(route: string, options: RouteOptions<AnyState>): void {
  const { statusCode, bodyType, responseHeaders = {}, response, rateLimit } = options;
  for (const name of ["const", "stream"] as const)
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      refuse(route, name, options[name], "true or false");
  if (statusCode !== undefined && !isStatus(statusCode))
    refuse(route, "statusCode", statusCode, "an integer from 200 to 599");
  if (bodyType !== undefined && bodyType !== "json" && bodyType !== "form")
    refuse(route, "bodyType", bodyType, '"json" or "form"');
  // `{ 2000: … }` would be taken for a JSON Schema without keywords, which lets everything through.
  for (const key of typeof response === "object" ? Object.keys(response ?? {}) : [])
    if (/^\d+$/.test(key) && !isStatus(Number(key)))
      refuse(route, "response", Number(key), "a schema, or schemas by status from 200 to 599");
  for (const name of ["beforeRequest", "afterRequest"] as const)
    for (const hook of [options[name] ?? []].flat()) requireFunction(`${route}, ${name},`, hook);
  if (rateLimit !== undefined) checkRateLimit(route, rateLimit);
  for (const [name, value] of Object.entries(responseHeaders)) checkHeader(route, name, value);
}

/** @returns the tags */
export function checkSubRouterOptions(options: { tags?: readonly string[] }): readonly string[] {
  const unknown = Object.keys(options).find((name) => name !== "tags");
  if (unknown !== undefined) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `new SubRouter() was given the unknown option "${unknown}".`,
      'It takes tags: new SubRouter("/admin", { tags: ["admin"] }).',
    );
  }
  const { tags = [] } = options;
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string")) return tags;
  return refuse("new SubRouter()", "tags", tags, "a list of strings");
}

export function requireFunction(what: string, value: unknown): void {
  if (typeof value === "function") return;
  throw new RobynError(
    "ROBYN_HANDLER_INVALID",
    `${what} was given ${Bun.inspect(value)} where a function is expected.`,
    "Pass the function itself, not the result of calling it.",
  );
}

function isStatus(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599;
}

function refuse(what: string, name: string, value: unknown, expected: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${what} was given ${Bun.inspect(value)} as ${name}.`,
    `It takes ${expected}.`,
  );
}
