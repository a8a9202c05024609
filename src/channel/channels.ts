/** The channels of one application: made by name, woken together, stopped together. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Segment } from "../native/core.ts";
import { Channel, type ChannelStats } from "./channel.ts";
import type { Doorbell } from "./doorbell.ts";
import { type ChannelOptions, checkName, settingsOf } from "./options.ts";

export interface ChannelsOptions {
  /** Asked for with the first use of a channel. */
  readonly segment: () => Segment;
  readonly logger: () => Logger;
}

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #channels = new Map<string, Channel<unknown>>();
  #doorbell: Doorbell | undefined;
  #started = false;

  constructor(options: ChannelsOptions) {
    this.#options = options;
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
    const channel = new Channel<Value>(name, settingsOf(name, options), { segment, logger, ring });
    this.#channels.set(name, channel);
    if (this.#started) channel.start();
    return channel;
  }

  /** Without one, listeners of other processes are woken by their slow poll only. */
  connect(doorbell: Doorbell): void {
    this.#doorbell = doorbell;
    doorbell.onRing(() => this.wake());
  }

  /** Begins what `consume` was given. */
  start(): void {
    this.#started = true;
    for (const channel of this.#channels.values()) channel.start();
  }

  /** Consumers finish their batch and let go; where nobody takes over, they finish what is left. */
  async stop(timeout_ms: number): Promise<void> {
    const { promise: deadline, resolve } = Promise.withResolvers<"deadline">();
    const timer = setTimeout(resolve, timeout_ms, "deadline");
    const stopped = Promise.all([...this.#channels.values()].map((channel) => channel.stop()));
    const outcome = await Promise.race([stopped, deadline]);
    clearTimeout(timer);
    if (outcome !== "deadline") return;
    const names = [...this.#channels.keys()].join(", ");
    this.#options
      .logger()
      .warn(`a consumer did not finish within ${timeout_ms} ms (channels: ${names})`);
  }

  wake(): void {
    for (const channel of this.#channels.values()) channel.wake();
  }

  /** For the metrics: every channel by name. Counts are of the whole cluster. */
  collect(): ({ readonly name: string } & ChannelStats)[] {
    return [...this.#channels].map(([name, channel]) => ({ name, ...channel.stats() }));
  }

  #ring(slot: number): void {
    // Later, but in this turn: whoever rings is in the middle of something.
    if (slot === this.#options.segment().slot) queueMicrotask(() => this.wake());
    else this.#doorbell?.ring(slot);
  }
}
