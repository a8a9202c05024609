/** Options of `redis()`, checked by name and range. */
import { RobynError } from "../errors.ts";

export interface RedisOptions {
  /** What all keys and channels begin with. Applications that share a Redis need different ones. Default `robyn`. */
  prefix?: string;
  /**
   * Milliseconds between signs of life. A listener that gives none three times is gone, with its presence; a connection
   * that gives no answer three times is made anew. Default 2,000.
   */
  heartbeat?: number;
  /** Milliseconds that a connection, a rate limit, a kept answer, or a step of a channel is waited for. Default 1,000. */
  timeout?: number;
  /** Bytes that may wait to be taken by Redis; what is published beyond that is dropped and counted. Default 8 MiB. */
  buffer?: number;
  /** Whether rate limits count for all clusters together. Default true. */
  rateLimits?: boolean;
  /** Whether kept answers and `app.cache.invalidate()` reach the other clusters. Default true. */
  cache?: boolean;
  /**
   * Names what kept answers depend on beside the request: code, templates, settings; the commit that is deployed, as a rule.
   * Clusters that say the same share their answers. Without it none are shared.
   */
  version?: string | undefined;
  /** Bytes of kept answers in Redis; beyond that the oldest go. Default 64 MiB. */
  cacheSize?: number;
  /** Whether a channel has one consumer in all clusters together; what is sent then waits in Redis. Default true. */
  channels?: boolean;
  /** For `rediss://`: what Bun takes for TLS. */
  tls?: Bun.TLSOptions;
}

export type RedisSettings = Required<Omit<RedisOptions, "tls" | "version">> &
  Pick<RedisOptions, "tls" | "version">;

const defaults = {
  prefix: "robyn",
  heartbeat: 2_000,
  timeout: 1_000,
  buffer: 8_388_608,
  rateLimits: true,
  cache: true,
  cacheSize: 67_108_864,
  channels: true,
} as const;
const names = [...Object.keys(defaults), "version", "tls"];

/** @throws RobynError ROBYN_OPTION_INVALID */
export function settingsOf(given: RedisOptions): RedisSettings {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const why = `It takes ${names.join(", ")}.`;
    throw invalid(`redis() was given the unknown option "${name}".`, why);
  }
  const settings = { ...defaults, ...given };
  checkWhole("heartbeat", settings.heartbeat, 50, 60_000);
  checkWhole("timeout", settings.timeout, 10, 60_000);
  checkWhole("buffer", settings.buffer, 65_536, 2 ** 31 - 1);
  checkWhole("cacheSize", settings.cacheSize, 1_048_576, 2 ** 40);
  const { prefix, rateLimits, cache, channels, version } = settings;
  if (typeof prefix !== "string" || !/^[\x21-\x7e]{1,64}$/.test(prefix))
    throw refused("prefix", prefix, "1 to 64 visible characters of ASCII");
  if (typeof rateLimits !== "boolean") throw refused("rateLimits", rateLimits, "true or false");
  if (typeof cache !== "boolean") throw refused("cache", cache, "true or false");
  if (version !== undefined && (typeof version !== "string" || !/^.{1,256}$/su.test(version)))
    throw refused("version", version, "1 to 256 characters");
  if (typeof channels !== "boolean") throw refused("channels", channels, "true or false");
  return settings;
}

const protocols = ["redis:", "rediss:", "valkey:", "valkeys:"];

/**
 * Never repeats what it was given: there may be a password in it.
 *
 * @throws RobynError ROBYN_OPTION_INVALID
 */
export function checkUrl(url: string): void {
  if (typeof url === "string" && protocols.includes(URL.parse(url)?.protocol ?? "")) return;
  throw invalid(
    "redis() was given something else than the URL of a Redis.",
    'Write redis("redis://localhost:6379"), or rediss:// for TLS.',
  );
}

function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
  throw refused(name, value, `a whole number from ${least} to ${most}`);
}

function refused(name: string, value: unknown, expected: string): RobynError {
  return invalid(`redis() was given ${name} ${Bun.inspect(value)}.`, `It takes ${expected}.`);
}

function invalid(message: string, fix: string): RobynError {
  return new RobynError("ROBYN_OPTION_INVALID", message, fix);
}
