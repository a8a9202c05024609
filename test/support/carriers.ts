/** What a channel can lie in: the memory of either core, and Redis behind it. One table of tests for all of them. */
import { afterAll, beforeAll } from "bun:test";
import type { RedisOptions } from "../../src/redis/index.ts";
import { joinedChannels, type TestChannels, testChannels } from "./channels.ts";
import { cores } from "./cores.ts";
import { hasRedis, RedisServer } from "./redis.ts";

export interface Carrier {
  readonly name: string;
  /** What is not handled when a consumer stops stays, and somebody else handles it. */
  readonly keeps: boolean;
  open(): Promise<TestChannels>;
}

const own: readonly Carrier[] = cores.map((core) => ({
  name: core.name,
  keeps: false,
  open: async () => testChannels(core),
}));

/** Call it once per file, at its top level. */
export function carriersOfFile(options: RedisOptions = {}): [name: string, carrier: Carrier][] {
  let server: RedisServer | undefined;
  let tests = 0;
  if (hasRedis) {
    beforeAll(async () => void (server = await RedisServer.start()));
    afterAll(() => server?.[Symbol.asyncDispose]());
  }
  const behind = cores.map((core) => ({
    name: `${core.name} and Redis`,
    keeps: true,
    open: () => joinedChannels(core, server!.url, { prefix: `test${tests++}`, ...options }),
  }));
  return [...own, ...(hasRedis ? behind : [])].map((carrier) => [carrier.name, carrier]);
}
