/** The channels of one application: made by name, woken together, stopped together. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Segment } from "../native/core.ts";
import { Channel, type ChannelStats } from "./channel.ts";
import type { Doorbell } from "./doorbell.ts";
import { type ChannelOptions, checkName, settingsOf } from "./options.ts";
import type { RemoteChannels } from "./remote.ts";

export interface ChannelsOptions {
  /** Asked for with the first use of a channel. */
  readonly segment: () => Segment;
  readonly logger: () => Logger;
  /** Whether other clusters may be joined before the start: nobody consumes until then. */
  readonly mayJoin?: boolean;
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #channels = new Map<string, Channel<unknown>>();
  #doorbell: Doorbell | undefined;
  #remote: RemoteChannels | undefined;
  #joining: PromiseWithResolvers<void> | undefined;
  #started = false;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    if (options.mayJoin === true) this.#joining = Promise.withResolvers();
  }

  /** @throws RobynError ROBYN_CHANNEL_BUSY for a name that is taken, ROBYN_OPTION_INVALID */
  create<Value>(name: string, options: ChannelOptions): Channel<Value> {
    checkName(name);
    if (this.#channels.has(name)) {
      throw new RobynError(
        "ROBYN_CHANNEL_BUSY",
        `app.channel("${name}") was called twice.`,
        "Keep what the first call returned.",
      );
    }
    const { segment, logger } = this.#options;
    const ring = (slot: number) => this.#ring(slot);
    const joining = () => this.#joining?.promise;
    const surroundings = { segment, logger, ring, joining };
    const channel = new Channel<Value>(name, settingsOf(name, options), surroundings);
    this.#channels.set(name, channel);
    if (this.#remote !== undefined) channel.join(this.#remote);
    if (this.#started) channel.start();
    return channel;
  }

  /** Without one, listeners of other processes are woken by their slow poll only. */
  connect(doorbell: Doorbell): void {
    this.#doorbell = doorbell;
    doorbell.onRing(() => this.wake());
  }

  /** From now on, channels are those of other clusters as well. Before anything consumes. */
  join(remote: RemoteChannels): void {
    this.#remote = remote;
    for (const channel of this.#channels.values()) channel.join(remote);
    this.#settle();
  }

  /** Begins what `consume` was given. */
  start(): void {
    this.#started = true;
    this.#settle();
    for (const channel of this.#channels.values()) channel.start();
  }

  /** Consumers finish their batch and let go; where nobody takes over, they finish what is left. */
  async stop(timeout_ms: number): Promise<void> {
    const { promise: deadline, resolve } = Promise.withResolvers<"deadline">();
    const timer = setTimeout(resolve, timeout_ms, "deadline");
    const outcome = await Promise.race([this.#end(), deadline]);
    clearTimeout(timer);
    if (outcome !== "deadline") return;
    const left = [...this.#channels.values()].flatMap((channel) => channel.abandon());
    if (left.length === 0) return;
    const what = left.join(", ");
    this.#options.logger().warn(`channels did not finish within ${timeout_ms} ms: ${what}`);
  }

  wake(): void {
    for (const channel of this.#channels.values()) channel.wake();
  }

  /** For the metrics: every channel by name. Counts are of the whole cluster, or of all that are joined. */
  collect(): ({ readonly name: string } & ChannelStats)[] {
    return [...this.#channels].map(([name, channel]) => ({ name, ...channel.stats() }));
  }

  /** What a consumer sends in its last batch is handed over, too. */
  async #end(): Promise<void> {
    const channels = [...this.#channels.values()];
    await Promise.all(channels.map((channel) => channel.stop()));
    await Promise.all(channels.map((channel) => channel.finish()));
  }

  #settle(): void {
    this.#joining?.resolve();
    this.#joining = undefined;
  }

  #ring(slot: number): void {
    // Later, but in this turn: whoever rings is in the middle of something.
    if (slot === this.#options.segment().slot) queueMicrotask(() => this.wake());
    else this.#doorbell?.ring(slot);
  }
}
