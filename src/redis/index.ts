/** `robyn/redis`: joins the clusters of an application past one machine. */
import type { Adapter } from "../server/adapter.ts";
import { Link } from "./link.ts";
import { checkUrl, type RedisOptions, settingsOf } from "./options.ts";

export type { Adapter } from "../server/adapter.ts";
export type { RedisOptions } from "./options.ts";

/**
 * Topics, sockets by id, presence, rate limits, kept answers and channels of all clusters that use the same Redis and
 * prefix. Nothing is connected before the application starts, and a Redis that is not there stops no request: each cluster
 * goes on alone meanwhile. Only what was sent into channels waits for it.
 *
 * @throws RobynError ROBYN_OPTION_INVALID
 * @example const app = new Robyn({ adapter: redis("redis://localhost:6379") });
 */
export function redis(url: string, options: RedisOptions = {}): Adapter {
  checkUrl(url);
  const settings = settingsOf(options);
  return {
    name: "redis",
    async open(surroundings) {
      const link = new Link(url, settings, surroundings);
      await link.open();
      return link;
    },
  };
}
