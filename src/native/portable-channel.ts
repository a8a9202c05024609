/** A channel where no native library can be loaded: the same interface, from this listener to itself. */
import { limits } from "../limits.ts";
import {
  type ChannelCounts,
  type ChannelMessage,
  type ChannelPort,
  channelVerdict,
  type NumberedMessage,
} from "./core.ts";

interface Waiting {
  readonly message: ChannelMessage;
  readonly bytes: number;
  readonly time: number;
}

const frame_bytes = 16;

export class PortableChannel implements ChannelPort {
  readonly #clock: { readonly slot: number; now(): number };
  readonly #capacity: number;
  #waiting: Waiting[] = [];
  /** How many of them were acknowledged, or handed out: they leave the list many at once. */
  #first = 0;
  #handedOut = 0;
  #bytes = 0;
  #sent = 0;
  #acknowledged = 0;
  #leased = false;
  #sleeps = false;
  #senderWaits = false;

  constructor(clock: { readonly slot: number; now(): number }, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  send(message: ChannelMessage): number {
    const bytes = sizeOf(message);
    if (bytes > limits.channel_message_bytes_max + frame_bytes) return channelVerdict.too_large;
    if (!this.#hasRoom(bytes)) return channelVerdict.full;
    const copy = typeof message === "string" ? message : message.slice();
    this.#waiting.push({ message: copy, bytes, time: this.#clock.now() });
    this.#bytes += bytes;
    this.#sent++;
    if (!this.#sleeps) return 0;
    this.#sleeps = false;
    return this.#clock.slot + 1;
  }

  mustWait(message: ChannelMessage): boolean {
    this.#senderWaits = !this.#hasRoom(sizeOf(message));
    return this.#senderWaits;
  }

  lease(): boolean {
    if (!this.#leased) this.#handedOut = this.#first;
    return (this.#leased = true);
  }

  release(): number[] {
    this.#leased = false;
    return [];
  }

  hasRival(): boolean {
    return false;
  }

  take(max: number): ChannelMessage[] {
    return this.takeNumbered(max).map(({ message }) => message);
  }

  takeNumbered(max: number): NumberedMessage[] {
    const begin = this.#handedOut;
    const end = Math.min(this.#handedOut + max, this.#waiting.length);
    this.#handedOut = end;
    const first = this.#acknowledged + begin - this.#first;
    return this.#waiting.slice(begin, end).map(({ message }, index) => ({
      // Bytes belong to who gets them: what comes again must not have been changed.
      message: typeof message === "string" ? message : message.slice(),
      origin: 0,
      number: first + index,
    }));
  }

  acknowledge(): number[] {
    for (let at = this.#first; at < this.#handedOut; at++) this.#bytes -= this.#waiting[at]!.bytes;
    this.#acknowledged += this.#handedOut - this.#first;
    this.#first = this.#handedOut;
    // Half of the list or more: each message is moved less than once on average.
    if (2 * this.#first >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = this.#handedOut = 0;
    }
    if (!this.#senderWaits) return [];
    this.#senderWaits = false;
    return [this.#clock.slot];
  }

  maySleep(): boolean {
    return (this.#sleeps = this.#handedOut === this.#waiting.length);
  }

  isEmpty(): boolean {
    return this.#sent === this.#acknowledged;
  }

  counts(): ChannelCounts {
    return {
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      oldest_ns: this.#waiting[this.#first]?.time,
      consumed: this.#leased,
    };
  }

  close(): void {}

  #hasRoom(bytes: number): boolean {
    return (
      this.#waiting.length - this.#first < this.#capacity &&
      this.#bytes + bytes <= limits.channel_ring_bytes
    );
  }
}

/** As it counts in a ring: the frame, and the message padded to eight bytes. */
function sizeOf(message: ChannelMessage): number {
  const length = typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
  return frame_bytes + ((length + 7) & ~7);
}
