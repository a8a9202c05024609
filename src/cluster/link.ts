/** One direction of the bus to one peer: frames are gathered, and leave in one write. */
import { frameHead_bytes, writeFrameHead } from "./frames.ts";

/** What is kept at most for a peer that does not read. */
const pending_bytes_max = 64 * 1_024 * 1_024;

/** One direction to one peer. */
export class Link {
  readonly #onEnd: () => void;
  #socket: Bun.Socket | undefined;
  #pending = Buffer.allocUnsafe(65_536);
  #start = 0;
  #end = 0;
  #scheduled = false;
  #ended = false;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
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
    this.#flush();
  }

  /** @returns false if the peer is too far behind. */
  put(kind: number, payload: Uint8Array): boolean {
    const size = frameHead_bytes + payload.length;
    if (this.#ended || !this.#reserve(size)) return false;
    writeFrameHead(this.#pending, this.#end, kind, payload.length);
    this.#pending.set(payload, this.#end + frameHead_bytes);
    this.#end += size;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    }
    return true;
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
    this.#onEnd();
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#socket === undefined || this.#ended || this.#start === this.#end) return;
    const written = this.#socket.write(this.#pending.subarray(this.#start, this.#end));
    if (written > 0) this.#start += written;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  };

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
