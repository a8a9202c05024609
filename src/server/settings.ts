/**
 * Where a setting comes from: flag > environment > argument of `start()` > default. A value that cannot be used is
 * refused by name, never passed over.
 */
import { RobynError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type LogLevel, logLevels } from "../logger.ts";

export interface StartOptions {
  /** Address or host name to listen on. Default `127.0.0.1`; `ROBYN_HOST`. */
  host?: string;
  /** 0 to 65535, 0 lets the system choose. Default 8080; `ROBYN_PORT`. */
  port?: number;
  /** Largest request body in bytes; a larger one is answered 413. Default 1,000,000; `ROBYN_MAX_PAYLOAD_SIZE`. */
  maxPayloadSize?: number;
  /** Seconds without traffic after which a connection is closed, 1 to 255. Default 10; `ROBYN_KEEP_ALIVE_TIMEOUT`. */
  keepAliveTimeout?: number;
  /** Seconds that requests in flight have to finish after SIGTERM. Default 10; `ROBYN_SHUTDOWN_TIMEOUT`. */
  shutdownTimeout?: number;
  /** Least level of the framework's own log. Default `info`; `ROBYN_LOG_LEVEL`. Ignored where a logger was given. */
  logLevel?: LogLevel;
  /**
   * Bytes of memory for answers that routes keep by their option `cache`, for the whole cluster. At least 1,048,576.
   * Default 33,554,432; `ROBYN_CACHE_SIZE`.
   */
  cacheSize?: number;
  /** Prints URL, routes, core and start-up time. Default true. */
  banner?: boolean;
  /** Whether SIGTERM and SIGINT drain this server and end the process. Default true. */
  signals?: boolean;
  /** Certificate and key, as `Bun.serve` takes them. */
  tls?: Bun.TLSOptions;
  /** Lets Bun's own table answer const responses. Default true; answers are the same either way. */
  accelerator?: boolean;
}

export type Settings = Required<Omit<StartOptions, "tls">> & Pick<StartOptions, "tls">;

const defaults: Settings = {
  host: "127.0.0.1",
  port: 8080,
  maxPayloadSize: 1_000_000,
  keepAliveTimeout: 10,
  shutdownTimeout: 10,
  logLevel: "info",
  cacheSize: limits.cache_bytes_default,
  banner: true,
  signals: true,
  accelerator: true,
};

/** @throws RobynError ROBYN_OPTION_INVALID naming the setting, where it came from, and what it takes. */
export function resolveSettings(
  argument: StartOptions,
  flags: StartOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  for (const name of Object.keys(argument)) {
    if (Object.hasOwn(defaults, name) || name === "tls") continue;
    const known = [...Object.keys(defaults), "tls"].join(", ");
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `start() was given the unknown option "${name}".`,
      `It takes ${known}.`,
    );
  }
  const fromEnvironment: StartOptions = {
    host: environment.ROBYN_HOST || undefined,
    port: toNumber(environment, "ROBYN_PORT"),
    maxPayloadSize: toNumber(environment, "ROBYN_MAX_PAYLOAD_SIZE"),
    keepAliveTimeout: toNumber(environment, "ROBYN_KEEP_ALIVE_TIMEOUT"),
    shutdownTimeout: toNumber(environment, "ROBYN_SHUTDOWN_TIMEOUT"),
    cacheSize: toNumber(environment, "ROBYN_CACHE_SIZE"),
    logLevel: (environment.ROBYN_LOG_LEVEL?.toLowerCase() || undefined) as LogLevel | undefined,
  };
  const settings = { ...defaults, ...given(argument), ...given(fromEnvironment), ...given(flags) };
  check(settings);
  return settings;
}

function given(options: StartOptions): StartOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function toNumber(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${name} is ${JSON.stringify(text)}.`,
    "It takes a whole number.",
  );
}

function check(settings: Settings): void {
  const { host, logLevel } = settings;
  if (typeof host !== "string" || host === "") refuse("host", host, "an address or a host name");
  checkRange("port", settings.port, 0, 65_535);
  checkRange("maxPayloadSize", settings.maxPayloadSize, 0, Number.MAX_SAFE_INTEGER);
  checkRange("keepAliveTimeout", settings.keepAliveTimeout, 1, 255);
  checkRange("shutdownTimeout", settings.shutdownTimeout, 0, 86_400);
  checkRange("cacheSize", settings.cacheSize, limits.cache_bytes_min, cache_bytes_max);
  if (!logLevels.includes(logLevel)) refuse("logLevel", logLevel, `one of ${logLevels.join(", ")}`);
}

/** Far above any machine; below it, every sum of sizes is exact. */
const cache_bytes_max = 2 ** 40;

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  refuse(name, value, `a whole number from ${least} to ${most}`);
}

function refuse(name: string, value: unknown, expected: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${name} is ${JSON.stringify(value)}.`,
    `It takes ${expected}.`,
  );
}
