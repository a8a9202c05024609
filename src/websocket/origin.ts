/** Which pages may connect: the same-origin policy of browsers does not cover WebSockets. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { OriginCheck, AnySocketOptions } from "../routing/socket-route.ts";

/** @throws RobynError ROBYN_OPTION_INVALID for what is no origin */
export function originCheck(
  option: AnySocketOptions["origin"],
  route: string,
  logger: Logger,
): OriginCheck {
  if (option === undefined) return sameOriginCheck(route, logger);
  if (option === "*") return () => true;
  if (typeof option === "function") return option;
  const allowed = new Set([option].flat().map((origin) => canonical(origin, route)));
  return (origin) => allowed.has(parseOrigin(origin) ?? "");
}

/**
 * Scheme, host and port must agree (RFC 6454 §5); behind a proxy they are those that the proxy was asked for. Browsers
 * do not show why a handshake was refused, so the first one is told to the log.
 */
function sameOriginCheck(route: string, logger: Logger): OriginCheck {
  let hasTold = false;
  return (origin, context) => {
    const own = `${context.scheme}://${context.host}`;
    const isSame = parseOrigin(own) !== undefined && parseOrigin(origin) === parseOrigin(own);
    if (!isSame && !hasTold) {
      hasTold = true;
      logger.warn(
        `${route} refused a page of ${JSON.stringify(origin)}, as this server is ${JSON.stringify(own)}. Behind a proxy that ends TLS, set "trustedProxies"; for pages from elsewhere, set "origin" of the route. Told once.`,
      );
    }
    return isSame;
  };
}

/** Lower case, without the default port. `null`, which sandboxed pages send, is nobody's origin. */
function parseOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, href } = new URL(text);
  return host === "" || href !== `${protocol}//${host}/` ? undefined : `${protocol}//${host}`;
}

function canonical(origin: unknown, route: string): string {
  const parsed = typeof origin === "string" ? parseOrigin(origin) : undefined;
  if (parsed !== undefined) return parsed;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${route} was given ${Bun.inspect(origin)} as "origin".`,
    'It takes "*", origins such as "https://example.com", or a function.',
  );
}
