/**
 * What one listener has to do with the other clusters. Every listener has connections of its own: no relay has to be
 * chosen, and none can die. The price is that Redis hands each message also to the listeners of the sender's cluster,
 * which know by its first characters that they have it from the bus.
 */
import type { RemoteRateLimits } from "../native/core.ts";
import type { AdapterCounts } from "../metrics/adapter.ts";
import type { Joined, Surroundings } from "../server/adapter.ts";
import type { Remote, RemoteOptions } from "../websocket/hub.ts";
import type { Payload } from "../websocket/message.ts";
import type { PresenceChange } from "../websocket/presence.ts";
import type { Stamp } from "../websocket/topic-logs.ts";
import type { RemoteChannels } from "../channel/remote.ts";
import { RedisCache } from "./cache.ts";
import { RedisChannels } from "./channels.ts";
import { Connection } from "./connection.ts";
import {
  type Heads,
  type Message,
  nobody,
  payloadOf,
  read,
  type Sign,
  textOf,
  write,
} from "./messages.ts";
import type { RedisSettings } from "./options.ts";
import { RedisRateLimits } from "./rate-limits.ts";
import { Roll } from "./roll.ts";

export class Link implements Remote, Joined {
  readonly #surroundings: Surroundings;
  readonly #connection: Connection;
  readonly #roll: Roll;
  readonly #limits: RedisRateLimits | undefined;
  readonly #cache: RedisCache | undefined;
  readonly #channels: RedisChannels | undefined;
  readonly #channel: string;
  readonly #inboxOf: (name: string) => string;

  constructor(url: string, settings: RedisSettings, surroundings: Surroundings) {
    const { prefix, heartbeat } = settings;
    const { hub, logger } = surroundings;
    this.#surroundings = surroundings;
    this.#channel = `${prefix}:all`;
    this.#inboxOf = (name) => `${prefix}:to:${name}`;
    const connection = new Connection({
      url,
      settings,
      logger,
      inbox: this.#inboxOf(hub.name),
      channel: this.#channel,
      onMessage: (text) => this.#receive(text),
      onUp: () => this.#greet(),
      onBeat: () => this.#beat(),
    });
    this.#connection = connection;
    this.#roll = new Roll({
      connection,
      hub,
      keyOf: ({ name, epoch }) => `${prefix}:members:${name}:${epoch}`,
      expiry_ms: 4 * heartbeat,
      tell: (kind, head) => this.#tell(kind, head),
    });
    if (settings.cache)
      this.#cache = new RedisCache({
        ...{ connection, settings, cache: surroundings.cache, channel: this.#channel },
        messageOf: (names) => write(surroundings.cluster, "invalidate", { names }),
      });
    if (settings.channels)
      this.#channels = new RedisChannels({
        ...{ connection, prefix, logger, listener: hub.name, cluster: surroundings.cluster },
        inbox: this.#inboxOf(hub.name),
        everybody: this.#channel,
        ringOf: (name) => write(nobody, "ring", { channel: name }),
        expiry_ms: 4 * heartbeat,
      });
    this.#limits = settings.rateLimits ? new RedisRateLimits(connection, prefix) : undefined;
  }

  get rateLimits(): RemoteRateLimits | undefined {
    return this.#limits;
  }

  get channels(): RemoteChannels | undefined {
    return this.#channels;
  }

  /** Without a Redis, this resolves too: the application serves, and is joined later. */
  async open(): Promise<void> {
    const { hub, cache } = this.#surroundings;
    hub.join(this);
    cache.remote = this.#cache;
    await this.#connection.open();
  }

  publish(topic: string, payload: Payload, stamp: Stamp, options: RemoteOptions): void {
    const { text, binary } = textOf(payload);
    const { compress, except } = options;
    const { sender } = this.#roll;
    const head = { ...sender, topic, ...stamp, compress, binary, ...(except && { except }) };
    this.#tell("publish", head, text);
  }

  send(id: string, payload: Payload): boolean {
    const name = id.slice(0, id.indexOf("-"));
    if (!this.#roll.has(name)) return false;
    const { text, binary } = textOf(payload);
    return this.#tellOne(name, "send", { ...this.#roll.sender, id, binary }, text);
  }

  follow(topic: string): void {
    this.#tell("follow", { topics: [topic] });
  }

  changePresence(change: PresenceChange): void {
    this.#roll.change(change);
  }

  counts(): AdapterCounts {
    const { isUp, failures, dropped } = this.#connection;
    return { connected: isUp, failures, dropped, fallbacks: this.#limits?.fallbacks ?? 0 };
  }

  async close(): Promise<void> {
    this.#roll.leave();
    await this.#channels?.close();
    // An answer to the last command: what was sent before has arrived.
    if (this.#connection.isPrompt) await this.#connection.ask("PING", []).catch(() => {});
    this.#connection.close();
  }

  #tell<Kind extends keyof Heads>(kind: Kind, head: Heads[Kind], text?: string): boolean {
    const message = write(this.#surroundings.cluster, kind, head, text);
    return this.#connection.send("PUBLISH", [this.#channel, message]);
  }

  #tellOne<Kind extends keyof Heads>(name: string, kind: Kind, head: Heads[Kind], text?: string) {
    const message = write(this.#surroundings.cluster, kind, head, text);
    return this.#connection.send("PUBLISH", [this.#inboxOf(name), message]);
  }

  #beat(): void {
    this.#roll.beat();
    this.#cache?.invalidations.catchUp();
    this.#channels?.beat();
  }

  #greet(): void {
    this.#cache?.invalidations.greet();
    this.#roll.greet();
    this.#channels?.greet();
    const topics = [...this.#surroundings.hub.followed];
    if (topics.length > 0) this.#tell("follow", { topics });
  }

  /** Whoever may publish to this Redis may publish what is no message; it must not end the process. */
  #receive(source: string): void {
    const { cluster, logger } = this.#surroundings;
    if (source.startsWith(cluster)) return;
    try {
      const message = read(source);
      if (message !== undefined) this.#take(message);
    } catch (error) {
      logger.debug("redis: a message could not be read", error);
    }
  }

  #take(message: Message): void {
    const { hub } = this.#surroundings;
    const { head, kind, text } = message;
    switch (kind) {
      case "publish": {
        if (!hub.wants(head.topic) || this.#roll.isStale(head)) return;
        const { publisher, sequence, compress, except, binary } = head;
        const stamp = { publisher, sequence };
        return hub.deliver(head.topic, payloadOf(text, binary), stamp, { compress, except });
      }
      case "send":
        if (!this.#roll.isStale(head)) hub.deliverTo(head.id, payloadOf(text, head.binary));
        return;
      case "ring":
        return this.#channels?.rung(head.channel);
      case "follow":
        for (const topic of head.topics) hub.keep(topic);
        return;
      case "hello":
        return this.#welcome(head);
      case "beat":
        return this.#roll.hear(head);
      case "presence":
        return this.#roll.apply(head, head.change);
      case "invalidate":
        return this.#cache?.invalidations.hear(head.names);
      case "bye":
        return this.#roll.drop(head.name);
    }
  }

  #welcome(sign: Sign): void {
    const { name } = sign;
    this.#roll.hear(sign);
    this.#tellOne(name, "beat", this.#roll.sign);
    const topics = [...this.#surroundings.hub.followed];
    if (topics.length > 0) this.#tellOne(name, "follow", { topics });
  }
}
