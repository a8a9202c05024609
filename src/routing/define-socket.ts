/** From what was written to a definition: unknown options and values that are no functions are refused by name. */
import { RobynError } from "../errors.ts";
import type { AnyState, RouteOptions } from "./route.ts";
import type { AnySocketOptions, SocketDefinition } from "./socket-route.ts";

/** Options that every route knows: `compile` treats them as it treats those of others. */
const shared = [
  "params",
  "query",
  "headers",
  "cookies",
  "timeout",
  "beforeRequest",
  "afterRequest",
] as const;
const functions = ["beforeUpgrade", "open", "message", "close", "drain", "error"] as const;
const own = [
  "schema",
  "response",
  "origin",
  "protocols",
  "maxPayload",
  "invalid",
  "slow",
  "compress",
];
const names: readonly string[] = [...functions, ...own, ...shared];

/** @throws RobynError ROBYN_OPTION_INVALID, ROBYN_HANDLER_INVALID */
export function defineSocket(path: string, options: unknown, handler: unknown): SocketDefinition {
  const route = `The WebSocket route ${path}`;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} was given ${Bun.inspect(options)} as options.`,
      "Write app.websocket(path, { …options }) or app.websocket(path, { …options }, handler).",
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} was given the unknown option "${name}".`,
      `It takes ${names.join(", ")}; what holds for all sockets belongs to new Robyn({ websockets }).`,
    );
  }
  const given: Readonly<Record<string, unknown>> = { ...options };
  for (const name of [...functions, "handler"]) {
    const value = name === "handler" ? handler : given[name];
    if (value === undefined || typeof value === "function") continue;
    throw new RobynError(
      "ROBYN_HANDLER_INVALID",
      `${route} was given ${Bun.inspect(value)} as "${name}", where a function is expected.`,
      "Pass the function itself, not the result of calling it.",
    );
  }
  if (handler !== undefined && given.message !== undefined) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} has a handler and "message": both would take the messages.`,
      "Keep one of them.",
    );
  }
  return {
    options: options as AnySocketOptions,
    handler: handler as SocketDefinition["handler"],
  };
}

/** What of the options a route of any kind has. */
export function routeOptionsOf({ options }: SocketDefinition): RouteOptions<AnyState> {
  return Object.fromEntries(
    shared.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}
