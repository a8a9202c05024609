/** What holds for all WebSockets of an application: Bun knows these once per server. */
import { RobynError } from "../errors.ts";

export interface WebSocketSettings {
  /** Bytes of the largest message of a client, after decompression; a larger one closes with 1009. Default 1,000,000. */
  maxPayload?: number;
  /** Bytes that may wait for one client; what `slow` of a route says goes by it. Default 4 MiB. */
  backpressureLimit?: number;
  /** Seconds without any frame, pongs included, after which a connection is closed. 8 to 960, 0 for never. Default 120. */
  idleTimeout?: number;
  /** Whether the server pings before `idleTimeout` is over, so that only clients that are gone are closed. Default true. */
  sendPings?: boolean;
  /** Compression (RFC 7692), for clients that offer it: `true`, or what Bun takes. It costs memory. Default false. */
  perMessageDeflate?: Bun.WebSocketHandler<unknown>["perMessageDeflate"];
}

export interface TopicSettings {
  /**
   * Messages that are kept per topic for event streams: those that come back, and those that read slowly, which have no
   * queue of their own. More of them at once than this are a gap. Default 1,000.
   */
  history?: number;
  /** Characters of those messages. Default 1,048,576. */
  historySize?: number;
}

const defaults: Required<WebSocketSettings> = {
  maxPayload: 1_000_000,
  backpressureLimit: 4_194_304,
  idleTimeout: 120,
  sendPings: true,
  perMessageDeflate: false,
};
const topicDefaults: Required<TopicSettings> = { history: 1_000, historySize: 1_048_576 };

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkWebSocketSettings(given: WebSocketSettings): Required<WebSocketSettings> {
  const settings = complete("websockets", given, defaults);
  checkRange("websockets.maxPayload", settings.maxPayload, 1, payload_max);
  checkRange("websockets.backpressureLimit", settings.backpressureLimit, 1_024, payload_max);
  const { idleTimeout, sendPings } = settings;
  if (idleTimeout !== 0) checkRange("websockets.idleTimeout", idleTimeout, 8, 960);
  if (typeof sendPings !== "boolean") refuse("websockets.sendPings", sendPings, "true or false");
  return settings;
}

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkTopicSettings(given: TopicSettings): Required<TopicSettings> {
  const settings = complete("topics", given, topicDefaults);
  checkRange("topics.history", settings.history, 1, 1_000_000);
  checkRange("topics.historySize", settings.historySize, 1, 2 ** 31);
  return settings;
}

export function checkRange(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most)
    return;
  refuse(name, value, `a whole number from ${least} to ${most}`);
}

/** Bun keeps both in 32 bits. */
export const payload_max = 2 ** 31 - 1;

function complete<Settings extends object>(
  name: string,
  given: Partial<Settings>,
  otherwise: Settings,
): Settings {
  if (typeof given !== "object" || given === null) refuse(name, given, "an object");
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(otherwise, key)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `${name} was given the unknown option "${key}".`,
      `It takes ${Object.keys(otherwise).join(", ")}.`,
    );
  }
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...otherwise, ...Object.fromEntries(entries) };
}

function refuse(name: string, value: unknown, expected: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${name} is ${JSON.stringify(value)}.`,
    `It takes ${expected}.`,
  );
}
