/**
 * How WebSocket routes lie in the table: as the GET route of their path, or behind it where there is one. So no request
 * pays for them but those to their own paths.
 */
import { wantsWebSocket } from "../http/upgrade.ts";
import type { RouteTable } from "../native/core.ts";
import { SwitchedProtocols } from "../response/values.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Chain } from "./compose.ts";
import { refusalError } from "./refusal.ts";
import type { AfterHook, AnyState, Route } from "./route.ts";

/**
 * @returns for each GET route that shares its path with a WebSocket route, the number of the latter
 * @throws RobynError for what the table refuses
 */
export function insertRoutes(routes: readonly Route[], table: RouteTable): Map<number, number> {
  const behind = new Map<number, number>();
  for (const [id, route] of routes.entries()) {
    if (route.socket !== undefined) continue;
    const refused = table.insert(route.method, route.path, id);
    if (refused !== undefined) throw refusalError(route, refused, routes);
  }
  for (const [id, route] of routes.entries()) {
    if (route.socket === undefined) continue;
    const refused = table.insert(route.method, route.path, id);
    if (refused === undefined) continue;
    const other = refused.status === "conflict" ? refused.conflict : undefined;
    if (other === undefined || routes[other]!.socket !== undefined)
      throw refusalError(route, refused, routes);
    const first = behind.get(other);
    if (first !== undefined) throw refusalError(route, { ...refused, conflict: first }, routes);
    behind.set(other, id);
  }
  return behind;
}

/** One chain for the GET route and the WebSocket route of a path. Their parameters may have different names. */
export function orSocket(chain: Chain, names: readonly string[], socket: Endpoint): Chain {
  return (context, handler) => {
    if (!wantsWebSocket(context.request)) return chain(context, handler);
    const params: Record<string, string> = Object.create(null);
    for (const [index, name] of names.entries())
      params[socket.names[index]!] = context.params[name]!;
    const { settings } = socket;
    return socket.chain(
      new settings.contextClass(context.request, context.server, params, settings),
      socket.handler,
    );
  };
}

/** There is no response to change once the connection is a WebSocket. */
export function unlessSwitched(hook: AfterHook<AnyState>): AfterHook<AnyState> {
  return (response, context) =>
    response instanceof SwitchedProtocols ? undefined : hook(response, context);
}
