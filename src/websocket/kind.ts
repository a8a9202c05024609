/** What the connections of one route share: its definition, made ready once. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { OpenStreams } from "../response/open-streams.ts";
import type { Route } from "../routing/route.ts";
import { describeRoute } from "../routing/refusal.ts";
import type { SocketDefinition, AnySocketOptions } from "../routing/socket-route.ts";
import { isSchema } from "../validation/schema.ts";
import type { Hub } from "./hub.ts";
import { type Decode, decoderOf, type Encode, encoderOf } from "./message.ts";
import { checkRange, payload_max } from "./settings.ts";

type Functions = Pick<AnySocketOptions, "open" | "message" | "close" | "drain" | "error">;

export interface Kind extends Functions {
  /** For the log: `WebSocket /chat/:room`. */
  readonly route: string;
  readonly hub: Hub;
  readonly logger: Logger;
  readonly openStreams: OpenStreams;
  readonly handler: SocketDefinition["handler"];
  readonly decode: Decode | undefined;
  readonly encode: Encode;
  /** Whether strings are sent as they are. */
  readonly sendsRaw: boolean;
  /** Bun itself lets through what the most generous route takes. */
  readonly maxPayload: number;
  readonly invalid: "keep" | "close";
  readonly slow: "close" | "drop";
  readonly compress: boolean;
}

export type Surroundings = Pick<Kind, "hub" | "logger" | "openStreams">;

/** @throws RobynError ROBYN_OPTION_INVALID */
export function kindOf(
  route: Route,
  definition: SocketDefinition,
  surroundings: Surroundings,
): Kind {
  const { options, handler } = definition;
  checkOptions(route, options);
  const { open, message, close, drain, error } = options;
  const name = `WebSocket ${route.path}`;
  const { hub, logger, openStreams } = surroundings;
  return {
    hub,
    logger,
    openStreams,
    route: name,
    handler,
    open,
    message,
    close,
    drain,
    error,
    decode: decoderOf(options.schema),
    encode: encoderOf(options.response, name),
    sendsRaw: options.response === undefined,
    maxPayload: options.maxPayload ?? hub.settings.maxPayload,
    invalid: options.invalid ?? "keep",
    slow: options.slow ?? "close",
    compress: options.compress ?? false,
  };
}

function checkOptions(route: Route, options: AnySocketOptions): void {
  const who = describeRoute(route);
  const refuse = (name: string, value: unknown, expected: string): never => {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${who} was given ${Bun.inspect(value)} as "${name}".`,
      `It takes ${expected}.`,
    );
  };
  const { schema, response, maxPayload, invalid, slow, compress } = options;
  for (const [name, value] of Object.entries({ schema, response }))
    if (value !== undefined && !isSchema(value)) refuse(name, value, "a schema");
  if (maxPayload !== undefined) checkRange(`maxPayload of ${who}`, maxPayload, 1, payload_max);
  if (![undefined, "keep", "close"].includes(invalid))
    refuse("invalid", invalid, '"keep" or "close"');
  if (![undefined, "close", "drop"].includes(slow)) refuse("slow", slow, '"close" or "drop"');
  if (![undefined, true, false].includes(compress)) refuse("compress", compress, "true or false");
}
