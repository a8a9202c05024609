/** Channels without an application around them, on either core, alone or joined by Redis. */
import { AppCache } from "../../src/cache/app-cache.ts";
import { Channels } from "../../src/channel/channels.ts";
import type { Logger } from "../../src/logger.ts";
import type { Core, Segment } from "../../src/native/core.ts";
import { redis, type RedisOptions } from "../../src/redis/index.ts";
import type { Adapter } from "../../src/server/adapter.ts";
import { Hub } from "../../src/websocket/hub.ts";
import { checkTopicSettings, checkWebSocketSettings } from "../../src/websocket/settings.ts";
import { type RecordingLogger, recordingLogger } from "./log.ts";

export interface TestChannels extends AsyncDisposable {
  readonly channels: Channels;
  readonly segment: Segment;
  readonly log: RecordingLogger;
}

/** Started, and stopped at the end of the test. The memory stays: a channel may be asked for its state afterwards. */
export function testChannels(core: Core): TestChannels {
  const made = makeChannels(core);
  made.channels.start();
  return made;
}

/** The same as one cluster of those that use a Redis. */
export async function joinedChannels(
  core: Core,
  url: string,
  options: RedisOptions = {},
): Promise<TestChannels & { readonly joined: Joined }> {
  const made = makeChannels(core);
  const joined = await joinChannels(made.channels, url, made.log, options);
  made.channels.start();
  return {
    ...made,
    joined,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await joined.close();
    },
  };
}

export type Joined = Awaited<ReturnType<Adapter["open"]>>;

/** What an application does with its adapter. */
export async function joinChannels(
  channels: Channels,
  url: string,
  logger: Logger,
  options: RedisOptions = {},
  cluster: string = crypto.randomUUID(),
): Promise<Joined> {
  const hub = new Hub(checkWebSocketSettings({}), checkTopicSettings({}));
  const adapter = redis(url, { heartbeat: 100, ...options });
  const joined = await adapter.open({ cluster, hub, cache: new AppCache(), logger });
  if (joined.channels === undefined) throw new Error("it joins no channels");
  channels.join(joined.channels);
  return joined;
}

function makeChannels(core: Core): TestChannels {
  const segment = core.openSegment({ descriptor: undefined, slot: 0 });
  const log = recordingLogger();
  const channels = new Channels({ segment: () => segment, logger: () => log, mayJoin: true });
  return { channels, segment, log, [Symbol.asyncDispose]: () => channels.stop(1_000) };
}

/** Keeps a handler from going on until it is opened. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
