/** The channels of one listener, as Redis keeps them for all clusters. */
import type { RemoteChannel, RemoteChannels, RemoteOptions } from "../channel/remote.ts";
import type { Logger } from "../logger.ts";
import { RedisChannel } from "./channel.ts";
import type { Connection } from "./connection.ts";

export interface RedisChannelsOptions {
  readonly connection: Connection;
  readonly prefix: string;
  readonly cluster: string;
  /** This listener. */
  readonly listener: string;
  readonly logger: Logger;
  /** Where this listener can be rung, and where all can. */
  readonly inbox: string;
  readonly everybody: string;
  /** What rings the channel of that name. */
  readonly ringOf: (name: string) => string;
  /** Milliseconds after which the lease of a dead consumer is gone. */
  readonly expiry_ms: number;
}

export class RedisChannels implements RemoteChannels {
  readonly #options: RedisChannelsOptions;
  readonly #channels = new Map<string, RedisChannel>();

  constructor(options: RedisChannelsOptions) {
    this.#options = options;
  }

  open(name: string, options: RemoteOptions): RemoteChannel {
    const channel = new RedisChannel(name, options, this.#options);
    this.#channels.set(name, channel);
    channel.beat();
    return channel;
  }

  rung(name: string): void {
    this.#channels.get(name)?.rung();
  }

  /** There is a connection, for the first time or again. */
  greet(): void {
    for (const channel of this.#channels.values()) channel.rung();
  }

  beat(): void {
    for (const channel of this.#channels.values()) channel.beat();
  }

  /** Resolves when what was acknowledged is, and whoever comes next may consume. */
  async close(): Promise<void> {
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }
}
