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
  /**
   * Seconds without traffic after which a connection is closed, 1 to 255, in steps of four: 10 are 8 to 12, and less than 5
   * are 4 to 8. Default 10; `ROBYN_KEEP_ALIVE_TIMEOUT`.
   */
  keepAliveTimeout?: number;
  /** Seconds that requests in flight have to finish after SIGTERM. Default 10; `ROBYN_SHUTDOWN_TIMEOUT`. */
  shutdownTimeout?: number;
  /** Least level of the framework's own log. Default `info`; `ROBYN_LOG_LEVEL`. Ignored where a logger was given. */
  logLevel?: LogLevel;
  /**
   * Bytes of memory for answers that routes keep by their option `cache`, for the whole cluster. At least 1,048,576.
   * Default 33,554,432; `ROBYN_CACHE_SIZE`, also as `64m`.
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
  /** Worker processes behind one port, 1 to 256, Linux only. Default 1: this process serves; `ROBYN_PROCESSES`. */
  processes?: number;
  /** Listeners of each process, each on a thread of its own, 1 to 64, Linux only. Default 1; `ROBYN_WORKERS`. */
  workers?: number;
  /** As many processes as this machine or container has processors, unless `processes` says it. `ROBYN_FAST`. */
  fast?: boolean;
  /** Requests after which a worker process is replaced; its answers are not cut. Default 0: never; `ROBYN_MAX_REQUESTS`. */
  maxRequests?: number;
  /** Resident memory in bytes above which a worker process is replaced. Default 0: never; `ROBYN_MAX_RSS`, also as `512m`. */
  maxRss?: number;
}

export type Settings = Required<Omit<StartOptions, "tls" | "fast">> & Pick<StartOptions, "tls">;

/** Whether a primary is needed, which starts the workers and replaces them. */
export function wantsPrimary({ processes, workers, maxRequests, maxRss }: Settings): boolean {
  return processes > 1 || workers > 1 || maxRequests > 0 || maxRss > 0;
}

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
  processes: 1,
  workers: 1,
  maxRequests: 0,
  maxRss: 0,
};

const optionNames = [...Object.keys(defaults), "fast", "tls"];

/** @throws RobynError ROBYN_OPTION_INVALID naming the setting, where it came from, and what it takes. */
export function resolveSettings(
  argument: StartOptions,
  flags: StartOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  for (const name of Object.keys(argument)) {
    if (optionNames.includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `start() was given the unknown option "${name}".`,
      `It takes ${optionNames.join(", ")}.`,
    );
  }
  const fromEnvironment: StartOptions = {
    host: environment.ROBYN_HOST || undefined,
    port: toNumber(environment, "ROBYN_PORT"),
    maxPayloadSize: toNumber(environment, "ROBYN_MAX_PAYLOAD_SIZE"),
    keepAliveTimeout: toNumber(environment, "ROBYN_KEEP_ALIVE_TIMEOUT"),
    shutdownTimeout: toNumber(environment, "ROBYN_SHUTDOWN_TIMEOUT"),
    cacheSize: toSize(environment, "ROBYN_CACHE_SIZE"),
    logLevel: (environment.ROBYN_LOG_LEVEL?.toLowerCase() || undefined) as LogLevel | undefined,
    processes: toNumber(environment, "ROBYN_PROCESSES"),
    workers: toNumber(environment, "ROBYN_WORKERS"),
    fast: toBoolean(environment, "ROBYN_FAST"),
    maxRequests: toNumber(environment, "ROBYN_MAX_REQUESTS"),
    maxRss: toSize(environment, "ROBYN_MAX_RSS"),
  };
  const settings = { ...defaults, ...given(argument), ...given(fromEnvironment), ...given(flags) };
  check(settings);
  return settings;
}

/** `fast` is a number of processes that nobody has to know; beside a number it says nothing. */
function given({ fast, ...options }: StartOptions): Omit<StartOptions, "fast"> {
  if (fast !== undefined && typeof fast !== "boolean") refuse("fast", fast, "true or false");
  const processes = options.processes ?? (fast === true ? processors() : undefined);
  return Object.fromEntries(
    Object.entries({ ...options, processes }).filter(([, value]) => value !== undefined),
  );
}

/** Loaded here: it reads files, and `node:fs` alone is 2 ms of start-up. */
function processors(): number {
  return (require("./cpus.ts") as typeof import("./cpus.ts")).availableCpus();
}

/** @returns bytes: a whole number, with `k`, `m` or `g` behind it times a power of 1024; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Number(number) * 1_024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
}

function toSize(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  return parseSize(text) ?? refuse(name, text, "bytes, or a number with k, m or g behind it");
}

function toBoolean(
  environment: Readonly<Record<string, string | undefined>>,
  name: string,
): boolean | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  if (["1", "true"].includes(text)) return true;
  if (["0", "false"].includes(text)) return false;
  return refuse(name, text, "1 or 0");
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
  checkRange("processes", settings.processes, 1, 256);
  checkRange("workers", settings.workers, 1, 64);
  checkRange("maxRequests", settings.maxRequests, 0, Number.MAX_SAFE_INTEGER);
  checkRange("maxRss", settings.maxRss, 0, Number.MAX_SAFE_INTEGER);
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
