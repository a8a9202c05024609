/** What `app.channel()` returns: a bounded queue from any listener to one consumer, of the cluster or of all that are joined. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ChannelMessage, ChannelPort, Segment } from "../native/core.ts";
import { Codec } from "./codec.ts";
import { Consumer } from "./consumer.ts";
import { handle } from "./handle.ts";
import { attemptsOf, type ConsumeOptions, type SendOptions, type Settings } from "./options.ts";
import { Pump } from "./pump.ts";
import type { RemoteChannel, RemoteChannels } from "./remote.ts";
import { Sender } from "./sender.ts";
import { type ChannelStats, statsOf } from "./stats.ts";

export type { ChannelStats } from "./stats.ts";

export type BatchHandler<Value> = (batch: Value[]) => unknown;

/** What a channel needs of the application; the segment is opened with the first use. */
export interface Surroundings {
  segment(): Segment;
  logger(): Logger;
  ring(slot: number): void;
  /** Resolves once it is known whether other clusters are joined; undefined: it is, or there is nothing to wait for. */
  joining(): Promise<void> | undefined;
}

interface Ends {
  readonly segment: Segment;
  readonly port: ChannelPort;
  readonly sender: Sender;
}

export class Channel<Value> implements AsyncIterable<Value[]> {
  readonly name: string;
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;
  readonly #codec: Codec;
  #ends: Ends | undefined;
  #consumer: Consumer<ChannelMessage> | undefined;
  #remote: RemoteChannel | undefined;
  #pump: Pump | undefined;
  /** Given before the application starts. */
  #pending: (() => void) | undefined;
  #started = false;
  /** A loop waits for other clusters to be joined. */
  #joins = false;

  /** @internal `app.channel()` makes them */
  constructor(name: string, settings: Settings, surroundings: Surroundings) {
    this.name = name;
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#codec = new Codec(name, settings.schema);
  }

  /**
   * Resolves once the message is accepted: from then on it is delivered, even if this process is killed. Waits while the
   * channel is full; sends that wait keep their order.
   *
   * @throws RobynError ROBYN_CHANNEL_VALUE_INVALID, ROBYN_CHANNEL_LIMIT, ROBYN_CHANNEL_LOST; as rejection.
   */
  send(value: Value, options?: SendOptions): Promise<void> {
    try {
      const { sender } = this.#open();
      return sender.send(this.#codec.encode(value), options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * @returns false if the channel is full, or sends wait already; the message was not accepted then.
   * @throws RobynError as `send`, and for a schema that is asynchronous.
   */
  trySend(value: Value): boolean {
    const message = this.#codec.encode(value);
    if (!(message instanceof Promise)) return this.#open().sender.trySend(message);
    message.catch(() => {});
    throw new RobynError(
      "ROBYN_CHANNEL_VALUE_INVALID",
      `The schema of the channel "${this.name}" is asynchronous, so trySend() cannot check a value.`,
      "Use send().",
    );
  }

  /**
   * Gives each batch to `handler`, in exactly one listener of the cluster, or of all clusters that an adapter joins. A
   * batch is acknowledged when the handler has resolved; if it rejects, that is logged and the same batch comes again
   * after a pause. Begins when the application starts, or now if it has.
   *
   * @throws RobynError ROBYN_CHANNEL_BUSY if this listener consumes the channel already.
   */
  consume(handler: BatchHandler<Value>, options: ConsumeOptions = {}): this {
    const attempts = attemptsOf(this.name, options);
    this.#checkFree();
    const begin = () => {
      this.#pending = undefined;
      const consumer = this.#begin(false);
      const logger = this.#surroundings.logger();
      void handle({
        name: this.name,
        consumer,
        attempts,
        logger,
        run: async (messages) => {
          const values = await this.#decode(messages);
          if (values.length > 0) await handler(values);
        },
      });
    };
    if (this.#started) begin();
    else this.#pending = begin;
    return this;
  }

  /**
   * `for await (const batch of channel)`: waits until this listener is the consumer, then for batches. A batch is
   * acknowledged when the next one is asked for. Whatever leaves the loop (an error, `break`, `return`) leaves its batch
   * unacknowledged: it is delivered again.
   *
   * @throws RobynError ROBYN_CHANNEL_BUSY if this listener consumes the channel already.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Value[], void, undefined> {
    this.#checkFree();
    const joining = this.#surroundings.joining();
    if (joining !== undefined) {
      this.#joins = true;
      await joining;
      this.#joins = false;
    }
    const consumer = this.#begin(true);
    try {
      for (let batch = await consumer.next(); batch !== undefined; batch = await consumer.next()) {
        const values = await this.#decode(batch);
        if (values.length > 0) yield values;
      }
    } finally {
      consumer.end();
    }
  }

  stats(): ChannelStats {
    const { segment, port, sender } = this.#open();
    const { capacity } = this.#settings;
    return statsOf(port.counts(), segment.now(), this.#remote?.counts(), capacity, sender.waiting);
  }

  /** @internal from now on it is one with those of its name in other clusters */
  join(channels: RemoteChannels): void {
    const { capacity, batch } = this.#settings;
    const { name } = this;
    const remote = channels.open(name, { capacity, batch, wake: () => this.wake() });
    this.#remote = remote;
    const { port } = this.#open();
    const ring = (slot: number) => this.#surroundings.ring(slot);
    this.#pump = new Pump({ name, port, remote, ring, logger: this.#surroundings.logger() });
  }

  /** @internal */
  start(): void {
    this.#started = true;
    this.#pending?.();
  }

  /** @internal lets go of the consumer, if it is one; resolves when it has */
  async stop(): Promise<void> {
    this.#consumer?.stop();
    await this.#consumer?.ended;
  }

  /** @internal after the consumers: resolves when what was sent is in the hands of somebody else */
  async finish(): Promise<void> {
    await this.#pump?.finish();
  }

  /** @internal there is no more time for it. @returns what is not finished, for the log */
  abandon(): string[] {
    const left = this.#consumer === undefined ? [] : [`the consumer of "${this.name}" is at work`];
    if (this.#pump === undefined) return left;
    this.#pump.abandon();
    const { port } = this.#open();
    const { sent, acknowledged } = port.counts();
    // What another listener of the cluster can still hand over is not lost.
    if (sent > acknowledged && !port.hasRival())
      left.push(`${sent - acknowledged} messages of "${this.name}" could not be handed over`);
    return left;
  }

  /** @internal the doorbell of this listener rang */
  wake(): void {
    this.#ends?.sender.wake();
    this.#consumer?.wake();
    this.#pump?.wake();
  }

  #open(): Ends {
    if (this.#ends !== undefined) return this.#ends;
    const segment = this.#surroundings.segment();
    const port = segment.openChannel(this.name, this.#settings.capacity);
    const ring = (slot: number) => this.#surroundings.ring(slot);
    const sender = new Sender({ port, ring, tooLarge: () => this.#codec.tooLarge() });
    return (this.#ends = { segment, port, sender });
  }

  #begin(keepsAlive: boolean): Consumer<ChannelMessage> {
    const { batch, delay } = this.#settings;
    const ring = (slot: number) => this.#surroundings.ring(slot);
    const port = this.#remote?.end ?? this.#open().port;
    const consumer = new Consumer({ port, batch, delay, ring, keepsAlive });
    void consumer.ended.then(() => {
      if (this.#consumer === consumer) this.#consumer = undefined;
    });
    return (this.#consumer = consumer);
  }

  #decode(messages: readonly ChannelMessage[]): Promise<Value[]> {
    // What came out of the schema is what its type says; without one the type is the caller's word.
    return this.#codec.decode(messages, this.#surroundings.logger()) as Promise<Value[]>;
  }

  #checkFree(): void {
    if (this.#consumer === undefined && this.#pending === undefined && !this.#joins) return;
    throw new RobynError(
      "ROBYN_CHANNEL_BUSY",
      `The channel "${this.name}" is consumed in this process already.`,
      "A channel has one consumer: use another channel, or end the loop that runs.",
    );
  }
}
