/** The handlers that Bun calls: each hands over to the connection. */
import type { Logger } from "../logger.ts";
import { Connection } from "./connection.ts";
import type { Hub } from "./hub.ts";

export type BunHandler = Bun.WebSocketHandler<unknown>;

/**
 * @param maxPayload the largest of all routes
 * @param logger asked for when it is needed
 */
export function bunHandler(hub: Hub, maxPayload: number, logger: () => Logger): BunHandler {
  const { backpressureLimit, idleTimeout, sendPings, perMessageDeflate } = hub.settings;
  hub.isServed = true;
  return {
    maxPayloadLength: maxPayload,
    backpressureLimit,
    idleTimeout,
    sendPings,
    perMessageDeflate,
    closeOnBackpressureLimit: false,
    open: (ws) => connectionOf(ws.data).opened(ws),
    message: (ws, message) => connectionOf(ws.data).received(message),
    drain: (ws) => connectionOf(ws.data).drain(),
    close: (ws, code, reason) => connectionOf(ws.data).closed(code, reason),
    error: (error) => logger().error("an error left a WebSocket handler", error),
  };
}

/** A server of somebody else may upgrade requests of its own. */
function connectionOf(data: unknown): Connection {
  if (data instanceof Connection) return data;
  throw new TypeError("the socket was not upgraded by the application whose handlers these are");
}
