/** The request side of a WebSocket handshake (RFC 6455 §4.2.1). */

/**
 * Whether a request asks for a WebSocket. One that only looks like it is an ordinary GET: without the connection option
 * `upgrade` the field was not meant for us (RFC 9110 §7.8), and HTTP/1.0, which has no `Host`, cannot be upgraded.
 * Bun itself looks at neither.
 */
export function wantsWebSocket({ method, headers }: Request): boolean {
  const upgrade = headers.get("upgrade");
  return (
    upgrade !== null &&
    method === "GET" &&
    hasMember(upgrade, "websocket") &&
    hasMember(headers.get("connection") ?? "", "upgrade") &&
    headers.has("host")
  );
}

/** 16 bytes in base64: 22 digits, of which the last carries two bits, and the padding. */
export function isWebSocketKey(key: string | null): boolean {
  return key !== null && /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key);
}

/** Subprotocols in the order of the client's preference. */
export function offeredProtocols(headers: Headers): string[] {
  return (headers.get("sec-websocket-protocol") ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function hasMember(list: string, name: string): boolean {
  return list.split(",").some((member) => member.trim().toLowerCase() === name);
}
