/** Channels without an application around them, on either core. */
import { Channels } from "../../src/channel/channels.ts";
import type { Core, Segment } from "../../src/native/core.ts";
import { type RecordingLogger, recordingLogger } from "./log.ts";

export interface TestChannels extends AsyncDisposable {
  readonly channels: Channels;
  readonly segment: Segment;
  readonly log: RecordingLogger;
}

/** Started, and stopped at the end of the test. The memory stays: a channel may be asked for its state afterwards. */
export function testChannels(core: Core): TestChannels {
  const segment = core.openSegment({ descriptor: undefined, slot: 0 });
  const log = recordingLogger();
  const channels = new Channels({ segment: () => segment, logger: () => log });
  channels.start();
  return { channels, segment, log, [Symbol.asyncDispose]: () => channels.stop(1_000) };
}

/** Keeps a handler from going on until it is opened. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
