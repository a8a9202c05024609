/** One channel in Redis, as one listener uses it: what is handed over, and what is known of it. */
import type { RemoteChannel, RemoteCounts, RemoteOptions } from "../channel/remote.ts";
import type { NumberedMessage } from "../native/core.ts";
import { append, type ChannelKeys, keysOf, look } from "./channel-scripts.ts";
import type { RedisChannelsOptions } from "./channels.ts";
import { textOf } from "./messages.ts";
import { RedisReceiver } from "./receiver.ts";

/** In one command: Redis does nothing else meanwhile. One message more may be in it. */
const bytesPerCommand = 262_144;
/** Messages that are tried where there seems to be no room for any: to send all of them again and again would cost more. */
const tried_min = 64;
const day_ms = 86_400_000;

type Step = "append" | "receive" | "look";

export class RedisChannel implements RemoteChannel {
  readonly #name: string;
  readonly #options: RedisChannelsOptions;
  readonly #capacity: number;
  readonly #keys: ChannelKeys;
  readonly #wake: () => void;
  readonly end: RedisReceiver;
  #counts: RemoteCounts = { depth: 0, age: 0, sent: 0, acknowledged: 0, consumed: false };
  /** What Redis refuses at the moment. */
  readonly #troubles = new Set<Step>();

  constructor(
    name: string,
    { capacity, batch, wake }: RemoteOptions,
    options: RedisChannelsOptions,
  ) {
    this.#name = name;
    this.#options = options;
    this.#capacity = capacity;
    this.#wake = wake;
    const { prefix, cluster, connection, listener, expiry_ms, inbox, everybody } = options;
    this.#keys = keysOf(prefix, cluster, name);
    this.end = new RedisReceiver({
      ...{ connection, keys: this.#keys, listener, expiry_ms, inbox, everybody, batch, wake },
      ring: options.ringOf(name),
      onCounts: (counts) => this.#note("receive", counts),
      onFailed: (error) => this.#failed("receive", error),
    });
  }

  counts(): RemoteCounts {
    return this.#counts;
  }

  async append(messages: readonly NumberedMessage[]): Promise<number> {
    let settled = 0;
    while (settled < messages.length && this.#options.connection.isPrompt) {
      const room = Math.max(tried_min, this.#capacity - this.#counts.depth);
      const part = partOf(messages, settled, room);
      const count = await this.#append(part);
      settled += count;
      if (count < part.length) break;
    }
    return settled;
  }

  /** There is room, or something to receive, or nobody who consumes. */
  rung(): void {
    this.end.look();
    this.#wake();
  }

  beat(): void {
    if (!this.end.look()) void this.#look();
  }

  async close(): Promise<void> {
    this.end.release();
    await this.end.settled();
  }

  async #append(part: readonly NumberedMessage[]): Promise<number> {
    const { connection, inbox, ringOf } = this.#options;
    const { stream, lease, state, waiting, from } = this.#keys;
    const args = [String(this.#capacity), String(day_ms), inbox, ringOf(this.#name)];
    for (const { message, origin, number } of part) {
      const { text, binary } = textOf(message);
      args.push(String(origin), String(number), binary ? "b" : "t", text);
    }
    try {
      const reply = await append.run(connection, [stream, lease, state, waiting, from], args);
      const [settled = 0, ...counts] = numbersOf(reply);
      this.#note("append", counts);
      return settled;
    } catch (error) {
      // It may have been done all the same: then Redis knows the messages when they come again.
      this.#failed("append", error);
      return 0;
    }
  }

  async #look(): Promise<void> {
    const { connection } = this.#options;
    if (!connection.isPrompt) return;
    const { stream, lease, state } = this.#keys;
    try {
      this.#note("look", numbersOf(await look.run(connection, [stream, lease, state], [])));
    } catch (error) {
      this.#failed("look", error);
    }
  }

  #note(
    step: Step,
    [depth = 0, sent = 0, acknowledged = 0, age = 0, consumed = 0]: number[],
  ): void {
    this.#troubles.delete(step);
    this.#counts = { depth, sent, acknowledged, age, consumed: consumed === 1 };
  }

  /** Once per trouble: what is tried again and again must not fill the disk. A connection that is lost is told elsewhere. */
  #failed(step: Step, error: unknown): void {
    const { connection, logger } = this.#options;
    if (this.#troubles.has(step) || !connection.isPrompt) return;
    this.#troubles.add(step);
    const why = error instanceof Error ? error.message : String(error);
    logger.warn(`redis: nothing moves in the channel "${this.#name}": ${why}`);
  }
}

function partOf(
  messages: readonly NumberedMessage[],
  begin: number,
  most: number,
): readonly NumberedMessage[] {
  const last = Math.min(messages.length, begin + most);
  let end = begin;
  for (let bytes = 0; end < last && bytes < bytesPerCommand; end++)
    bytes += messages[end]!.message.length;
  return messages.slice(begin, end);
}

function numbersOf(reply: unknown): number[] {
  return Array.isArray(reply) ? reply.map(Number) : [];
}
