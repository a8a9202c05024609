/** One end of a channel in the shared memory: a thin class over `robyn_channel_*`. */
import type { Pointer } from "bun:ffi";
import { RobynError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  type ChannelCounts,
  type ChannelMessage,
  type ChannelPort,
  channelVerdict,
  type NumberedMessage,
} from "./core.ts";
import { allocateShared, type NativeSymbols, textBuffer } from "./library.ts";
import { statusName } from "./route-table.ts";
import { sizes, status } from "./symbols.ts";

const kinds = { text: 0, bytes: 1 } as const;
const frame_bytes = 16;
/** Several of the longest messages, many of the usual ones: what one call copies out. */
const takeBytes = 2 * (limits.channel_message_bytes_max + frame_bytes);

/** The segment; the channel is closed before it. */
export interface ChannelOwner {
  readonly native: NativeSymbols;
  readonly handle: Pointer;
  readonly slot: number;
  now(): number;
}

// One for all channels: a message is in it only during a call. The byte more tells a text that fits from one that was cut.
const outgoing = lazily(() => {
  const { buffer, pointer } = allocateShared(limits.channel_message_bytes_max + 8);
  return { pointer, bytes: new Uint8Array(buffer), text: textBuffer(buffer) };
});
const incoming = lazily(() => {
  const { buffer, pointer } = allocateShared(takeBytes);
  return {
    pointer,
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
    numbers: new Float64Array(buffer),
    text: textBuffer(buffer),
  };
});

export class ZigChannel implements ChannelPort {
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;
  readonly #owner: ChannelOwner;
  readonly #wake = allocateShared(limits.slots_max / 8);
  readonly #wakeWords = new Uint32Array(this.#wake.buffer);

  constructor(owner: ChannelOwner, name: string, capacity: number) {
    this.#native = owner.native;
    this.#owner = owner;
    // Memory that lives longer than the call: an address alone would not keep it.
    const { pointer, text } = outgoing();
    const length = text.utf8Write(name, 0);
    check(
      this.#native.robyn_channel_open(
        owner.handle,
        owner.slot,
        capacity,
        pointer,
        length,
        this.#wake.pointer,
      ),
    );
    this.#handle = Number(new BigUint64Array(this.#wake.buffer)[0]) as Pointer;
  }

  send(message: ChannelMessage): number {
    const scratch = outgoing();
    let length: number;
    let kind: number;
    if (typeof message === "string") {
      length = scratch.text.utf8Write(message, 0);
      kind = kinds.text;
    } else {
      length = message.byteLength;
      kind = kinds.bytes;
      if (length <= limits.channel_message_bytes_max) scratch.bytes.set(message);
    }
    if (length > limits.channel_message_bytes_max) return channelVerdict.too_large;
    const { pointer } = scratch;
    const result = this.#native.robyn_channel_send(
      this.#handle,
      pointer,
      length,
      kind,
      this.#owner.now(),
    );
    if (result >= 0) return result;
    if (result === status.channel_full) return channelVerdict.full;
    return check(result);
  }

  mustWait(message: ChannelMessage): boolean {
    return check(this.#native.robyn_channel_must_wait(this.#handle, byteLength(message))) === 1;
  }

  lease(): boolean {
    return this.#native.robyn_channel_lease(this.#handle) === 1;
  }

  release(): number[] {
    check(this.#native.robyn_channel_release(this.#handle, this.#wake.pointer));
    return this.#slotsToWake();
  }

  hasRival(): boolean {
    return this.#native.robyn_channel_has_rival(this.#handle) === 1;
  }

  take(max: number): ChannelMessage[] {
    const messages: ChannelMessage[] = [];
    this.#take(max, (message) => messages.push(message));
    return messages;
  }

  takeNumbered(max: number): NumberedMessage[] {
    const messages: NumberedMessage[] = [];
    const { words, numbers } = incoming();
    this.#take(max, (message, at) => {
      const origin = (words[at / 4 + 1] ?? 0) & 0xffff;
      messages.push({ message, origin, number: numbers[at / 8 + 1] ?? 0 });
    });
    return messages;
  }

  /** @param each is given every message, and where what is told of it begins. */
  #take(max: number, each: (message: ChannelMessage, at: number) => void): void {
    const { pointer, bytes, words, text } = incoming();
    const count = check(this.#native.robyn_channel_take(this.#handle, pointer, takeBytes, max));
    let at = 0;
    for (let index = 0; index < count; index++) {
      const length = words[at / 4] ?? 0;
      const kind = (words[at / 4 + 1] ?? 0) >>> 16;
      const start = at + frame_bytes;
      const end = start + length;
      each(kind === kinds.bytes ? bytes.slice(start, end) : text.utf8Slice(start, end), at);
      at = (end + 7) & ~7;
    }
  }

  acknowledge(): number[] {
    check(this.#native.robyn_channel_acknowledge(this.#handle, this.#wake.pointer));
    return this.#slotsToWake();
  }

  maySleep(): boolean {
    return this.#native.robyn_channel_may_sleep(this.#handle) === 1;
  }

  isEmpty(): boolean {
    const { sent, acknowledged } = this.counts();
    return sent === acknowledged;
  }

  counts(): ChannelCounts {
    const { buffer, pointer } = allocateShared(sizes.ChannelStats);
    check(this.#native.robyn_channel_stats(this.#handle, pointer));
    const [sent = 0, acknowledged = 0, oldest = 0] = new Float64Array(buffer);
    return {
      sent,
      acknowledged,
      oldest_ns: oldest === 0 ? undefined : oldest,
      consumed: new Uint32Array(buffer)[6] === 1,
    };
  }

  close(): void {
    this.#native.robyn_channel_close(this.#handle);
  }

  #slotsToWake(): number[] {
    const slots: number[] = [];
    for (const [index, word] of this.#wakeWords.entries()) {
      for (let rest = word; rest !== 0; rest &= rest - 1) {
        slots.push(index * 32 + 31 - Math.clz32(rest & -rest));
      }
    }
    return slots;
  }
}

function byteLength(message: ChannelMessage): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
}

/** @throws RobynError for what no caller can do anything about. */
function check(result: number): number {
  if (result >= 0) return result;
  if (result === status.too_many_channels || result === status.too_many_rings) {
    throw new RobynError(
      "ROBYN_CHANNEL_LIMIT",
      result === status.too_many_channels
        ? `The cluster has ${limits.channels_max} channels already.`
        : `The cluster has ${limits.channel_rings_max} pairs of a channel and a listener that sends into it already.`,
      "Use fewer channels, or fewer listeners (processes × workers); restart the cluster afterwards.",
    );
  }
  if (result === status.not_owner || result === status.segment_invalid) {
    throw new RobynError(
      "ROBYN_CHANNEL_LOST",
      result === status.not_owner
        ? "The place of this listener in its cluster belongs to another one."
        : "The memory of a channel is damaged.",
      "Restart the cluster; report it if it comes again.",
    );
  }
  throw new Error(`robyn_channel: ${statusName(result)}`);
}

function lazily<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
