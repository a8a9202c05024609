/** What joins hubs: one process, the processes of a cluster (sockets), clusters (Redis). Tests of one contract run on each. */
import { AppCache } from "../../src/cache/app-cache.ts";
import { Exchange } from "../../src/cluster/exchange.ts";
import { redis } from "../../src/redis/index.ts";
import { Hub } from "../../src/websocket/hub.ts";
import { checkTopicSettings, checkWebSocketSettings } from "../../src/websocket/settings.ts";
import { temporaryFolder } from "./folder.ts";
import { silentLogger } from "./log.ts";
import { hasRedis, RedisServer } from "./redis.ts";

export interface HubEnd {
  readonly hub: Hub;
  close(): unknown;
}

export interface Carrier extends AsyncDisposable {
  readonly name: string;
  readonly isThere: boolean;
  open(): Promise<void>;
  /** A hub that is joined with all that this gave before, since `reset`. */
  join(): Promise<HubEnd>;
  reset(): void;
}

const newHub = () => new Hub(checkWebSocketSettings({}), checkTopicSettings({}));

/** All that join are the same. */
export function inOneProcess(): Carrier {
  let hub = newHub();
  return {
    name: "one process",
    isThere: true,
    open: async () => {},
    join: async () => ({ hub, close() {} }),
    reset: () => void (hub = newHub()),
    [Symbol.asyncDispose]: async () => {},
  };
}

export function viaBus(): Carrier {
  let folder = temporaryFolder({});
  let slots = 0;
  return {
    name: "the bus",
    isThere: true,
    open: async () => {},
    async join() {
      const hub = newHub();
      const exchange = new Exchange({ directory: folder.path, slot: slots++ }, silentLogger);
      await exchange.open();
      exchange.attach(hub);
      return { hub, close: () => void exchange.close() };
    },
    reset() {
      folder[Symbol.dispose]();
      folder = temporaryFolder({});
      slots = 0;
    },
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  };
}

export function viaRedis(): Carrier {
  let server: RedisServer | undefined;
  let prefixes = 0;
  return {
    name: "Redis",
    isThere: hasRedis,
    async open() {
      if (hasRedis) server = await RedisServer.start();
    },
    async join() {
      const hub = newHub();
      const adapter = redis(server!.url, { heartbeat: 100, prefix: `remote${prefixes}` });
      const cluster = crypto.randomUUID();
      const cache = new AppCache();
      const joined = await adapter.open({ cluster, hub, cache, logger: silentLogger });
      return { hub, close: () => joined.close() };
    },
    reset: () => void prefixes++,
    [Symbol.asyncDispose]: async () => await server?.[Symbol.asyncDispose](),
  };
}
