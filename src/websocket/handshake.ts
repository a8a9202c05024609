/** Handshakes (RFC 6455 §4.2): what may become a WebSocket, and what is answered otherwise. */
import { HttpError, RobynError } from "../errors.ts";
import { isToken } from "../http/method.ts";
import { isWebSocketKey, offeredProtocols, wantsWebSocket } from "../http/upgrade.ts";
import type { BunServer, ContextSettings } from "../request/context.ts";
import { FileAnswer } from "../response/file.ts";
import { StatusValue, SwitchedProtocols } from "../response/values.ts";
import { describeRoute } from "../routing/refusal.ts";
import { hasRequestValues } from "../injection/dependency.ts";
import type { AnyContext, Route } from "../routing/route.ts";
import type { SocketDefinition, AnySocketOptions, Validated } from "../routing/socket-route.ts";
import type { Connection } from "./connection.ts";
import { connectionClassOf } from "./connection-class.ts";
import type { Hub } from "./hub.ts";
import { kindOf, type Surroundings } from "./kind.ts";
import { originCheck } from "./origin.ts";

/** The handler of a WebSocket route: answers with a refusal, or with what stands for the 101. */
export function handshakeOf(
  route: Route,
  definition: SocketDefinition,
  validated: Validated,
  surroundings: Surroundings & Pick<ContextSettings, "dependencies">,
): (context: AnyContext) => unknown {
  const { options } = definition;
  const { hub, dependencies } = surroundings;
  const RouteConnection = connectionClassOf(dependencies);
  const keepsContext = hasRequestValues(dependencies);
  const kind = kindOf(route, definition, surroundings);
  const isAllowed = originCheck(options.origin, describeRoute(route), kind.logger);
  const protocolOf = protocolChoice(options.protocols, describeRoute(route));

  const accept = validated(async (context) => {
    const protocol = protocolOf(offeredProtocols(context.request.headers), context) ?? "";
    const data = await options.beforeUpgrade?.(context);
    if (data instanceof Response || data instanceof StatusValue || data instanceof FileAnswer)
      return data;
    const server = serverOf(context, hub);
    const { params } = context;
    const connection = new RouteConnection(
      {
        ...{ id: hub.nextId(), data, params, protocol, server },
        context: keepsContext ? context : undefined,
      },
      kind,
    );
    const headers = new Headers(context.responseHeaders);
    // Always set: left alone, Bun agrees to the first protocol that the client offers.
    headers.set("sec-websocket-protocol", protocol);
    if (!upgrade(server, context.request, { data: connection, headers }))
      throw new HttpError(400, "the connection cannot become a WebSocket");
    return new SwitchedProtocols();
  });

  return async (context) => {
    refuseOthers(context);
    const origin = context.request.headers.get("origin");
    if (origin !== null && !(await isAllowed(origin, context)))
      throw new HttpError(403, "pages of this origin may not connect");
    return await accept(context);
  };
}

/** @throws HttpError 426 for what is no handshake of this version (RFC 9110 §15.5.22, RFC 6455 §4.4), 400 for a broken one */
function refuseOthers({ request }: AnyContext): void {
  const { headers } = request;
  if (!wantsWebSocket(request)) {
    throw new HttpError(426, "this path speaks WebSocket only", {
      headers: { upgrade: "websocket", connection: "Upgrade" },
    });
  }
  if (headers.get("sec-websocket-version") !== "13") {
    throw new HttpError(426, "the version of the WebSocket protocol is 13", {
      headers: { upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13" },
    });
  }
  if (!isWebSocketKey(headers.get("sec-websocket-key")))
    throw new HttpError(400, "Sec-WebSocket-Key is not 16 bytes in base64");
}

const mounting = "give your server both fetch: app.fetch and websocket: app.webSocketHandler";

/** @throws RobynError ROBYN_WEBSOCKET_UNAVAILABLE */
function serverOf({ server, route }: AnyContext, hub: Hub): BunServer {
  if (server !== undefined && hub.isServed) return server;
  throw new RobynError(
    "ROBYN_WEBSOCKET_UNAVAILABLE",
    `${route} was asked for a WebSocket ${server === undefined ? "in process, where there is no connection" : "in a Bun.serve without the handlers of the application"}.`,
    `Listen with app.start(), or ${mounting}.`,
  );
}

/** @throws RobynError ROBYN_WEBSOCKET_UNAVAILABLE */
function upgrade(
  server: BunServer,
  request: Request,
  options: { data: Connection; headers: Headers },
): boolean {
  try {
    return server.upgrade(request, options);
  } catch (cause) {
    throw new RobynError(
      "ROBYN_WEBSOCKET_UNAVAILABLE",
      "The server that passed the request on takes no WebSockets.",
      `Instead, ${mounting}.`,
      { cause },
    );
  }
}

function protocolChoice(
  option: AnySocketOptions["protocols"],
  route: string,
): (offered: readonly string[], context: AnyContext) => string | undefined {
  if (option === undefined) return () => undefined;
  if (typeof option === "function") {
    return (offered, context) => {
      const chosen = option(offered, context);
      if (chosen === undefined || offered.includes(chosen)) return chosen;
      throw new TypeError(`${route}: protocols chose "${chosen}", which the client did not offer`);
    };
  }
  if (
    !Array.isArray(option) ||
    !option.every((name) => typeof name === "string" && isToken(name))
  ) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${route} was given ${Bun.inspect(option)} as "protocols".`,
      "It takes a list of tokens, or a function.",
    );
  }
  return (offered) => offered.find((name) => option.includes(name));
}
