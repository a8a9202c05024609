/** One direction of the bus to one peer: frames are gathered, and leave in one write. */
import { frameHead_bytes, writeFrameHead } from "./frames.ts";

/** What is kept at most for a peer that does not read. */
const pending_bytes_max = 64 * 1_024 * 1_024;
/**
 * So much more is not left to the end of the turn: the peer may take it while the publisher goes on, and a long loop of
 * messages fills the kernel's buffer instead of ours.
 */
const early_bytes = 256 * 1_024;
/** A buffer that had to be larger than this is given back when it is empty. */
const kept_bytes_max = 1_024 * 1_024;

export interface LinkEvents {
  onEnd(): void;
  /** The peer has read everything again, and was not sent something in between. */
  onMissed(): void;
}

/** One direction to one peer. */
export class Link {
  readonly #events: LinkEvents;
  #socket: Bun.Socket | undefined;
  #pending = Buffer.allocUnsafe(65_536);
  #start = 0;
  #end = 0;
  #scheduled = false;
  #ended = false;
  #hasMissed = false;
  /** How much may be pending before it is sent in the middle of a turn. */
  #early = early_bytes;
  #finished: (() => void) | undefined;

  constructor(events: LinkEvents) {
    this.#events = events;
  }

  async connect(path: string): Promise<void> {
    this.#socket = await Bun.connect({
      unix: path,
      socket: {
        data: () => {},
        drain: () => this.#flush(),
        close: () => this.#lose(),
        error: () => this.#lose(),
      },
    });
    // Given up while it was connecting: the peer would have a caller that never says who it is.
    if (this.#ended) this.#socket.end();
    else this.#flush();
  }

  /** @returns false if the peer is too far behind. */
  put(kind: number, payload: Uint8Array): boolean {
    const size = frameHead_bytes + payload.length;
    if (this.#ended) return false;
    if (!this.#reserve(size)) {
      this.#hasMissed = true;
      return false;
    }
    writeFrameHead(this.#pending, this.#end, kind, payload.length);
    this.#pending.set(payload, this.#end + frameHead_bytes);
    this.#end += size;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    if (this.#end - this.#start >= this.#early) this.#send();
    return true;
  }

  /** Resolves when the peer has taken everything, or is gone. */
  finish(): Promise<void> {
    this.#flush();
    if (this.#ended || this.#start === this.#end) return Promise.resolve();
    return new Promise((resolve) => (this.#finished = resolve));
  }

  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#lose();
  }

  #lose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.end();
    this.#finished?.();
    this.#events.onEnd();
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#send();
    if (this.#start < this.#end || this.#ended) return;
    this.#finished?.();
    if (this.#pending.length > kept_bytes_max) this.#pending = Buffer.allocUnsafe(65_536);
    if (!this.#hasMissed) return;
    this.#hasMissed = false;
    this.#events.onMissed();
  };

  #send(): void {
    if (this.#socket === undefined || this.#ended || this.#start === this.#end) return;
    const written = this.#socket.write(this.#pending.subarray(this.#start, this.#end));
    if (written > 0) this.#start += written;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    this.#early = this.#end - this.#start + early_bytes;
  }

  #reserve(size: number): boolean {
    if (this.#end + size <= this.#pending.length) return true;
    const used = this.#end - this.#start;
    if (used + size > pending_bytes_max) return false;
    const target =
      used + size <= this.#pending.length / 2
        ? this.#pending
        : Buffer.allocUnsafe(Math.min(pending_bytes_max, 2 * (this.#pending.length + size)));
    this.#pending.copy(target, 0, this.#start, this.#end);
    this.#pending = target;
    this.#start = 0;
    this.#end = used;
    return true;
  }
}
