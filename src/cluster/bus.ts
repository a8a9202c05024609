/**
 * Messages between the listeners of a cluster: one Unix socket for every pair and direction, in a private directory
 * that the primary makes. What one listener sends to another arrives in order, without anybody in between.
 *
 * Who comes later finds those who came before by their sockets, says hello, and is dialled back. `ready` resolves when
 * every listener that was found hears us and is heard.
 *
 * Frames of one turn of the event loop leave in one write. A peer that does not read is never waited for: up to
 * `pending_bytes_max` are kept for it, then frames for it are dropped and counted; the primary replaces hung listeners.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FrameReader, frameHead_bytes, writeFrameHead } from "./frames.ts";

export interface BusOptions {
  /** Made by the primary, mode 0700: who can open it is trusted. */
  readonly directory: string;
  /** Slot of this listener. */
  readonly slot: number;
  /** The payload is valid only during the call. */
  readonly onFrame: (from: number, kind: number, payload: Uint8Array) => void;
  readonly onJoin?: (slot: number) => void;
  /** The listener is gone; what it sent before has been delivered. */
  readonly onLeave?: (slot: number) => void;
}

const pending_bytes_max = 64 * 1_024 * 1_024;
const ready_ms_max = 2_000;
/** The first frame on every connection: who is calling. */
const helloKind = 0;

type Inbound = Bun.Socket<{ slot: number; readonly reader: FrameReader }>;

export class Bus {
  readonly #options: BusOptions;
  readonly #links = new Map<number, Link>();
  readonly #heard = new Map<number, Inbound>();
  readonly #waiting = new Map<number, () => void>();
  #listener: Bun.UnixSocketListener<{ slot: number; reader: FrameReader }> | undefined;
  #dropped = 0;
  #closed = false;

  private constructor(options: BusOptions) {
    this.#options = options;
  }

  /** Connects to everybody who is there. */
  static async open(options: BusOptions): Promise<Bus> {
    const bus = new Bus(options);
    bus.#listen();
    await bus.#dialEverybody();
    return bus;
  }

  /** Slots of the listeners that can be reached. */
  get peers(): Iterable<number> {
    return this.#links.keys();
  }

  /** Frames that were dropped because their receiver did not read. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param kind 1 to 255, @param payload copied at once. */
  broadcast(kind: number, payload: Uint8Array): void {
    for (const link of this.#links.values()) this.#put(link, kind, payload);
  }

  /** @returns false if there is no such listener. */
  send(slot: number, kind: number, payload: Uint8Array): boolean {
    const link = this.#links.get(slot);
    if (link === undefined) return false;
    this.#put(link, kind, payload);
    return true;
  }

  /** Sends what is pending, as far as the receivers take it at once, and leaves. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener?.stop();
    for (const link of this.#links.values()) link.end();
    for (const socket of this.#heard.values()) socket.terminate();
    rmSync(this.#path(this.#options.slot), { force: true });
  }

  #put(link: Link, kind: number, payload: Uint8Array): void {
    if (!link.put(kind, payload)) this.#dropped++;
  }

  #path(slot: number): string {
    return join(this.#options.directory, `${slot}.sock`);
  }

  #listen(): void {
    const path = this.#path(this.#options.slot);
    // The former listener of this slot was killed: the slot is ours now, and so is its name.
    rmSync(path, { force: true });
    this.#listener = Bun.listen({
      unix: path,
      socket: {
        open: (socket: Inbound) => {
          socket.data = { slot: -1, reader: new FrameReader() };
        },
        data: (socket: Inbound, bytes) => this.#receive(socket, bytes),
        close: (socket: Inbound) => this.#forget(socket),
        error: (socket: Inbound) => this.#forget(socket),
      },
    });
  }

  async #dialEverybody(): Promise<void> {
    const found = readdirSync(this.#options.directory)
      .map((name) => /^(\d+)\.sock$/.exec(name)?.[1])
      .filter((slot) => slot !== undefined)
      .map(Number)
      .filter((slot) => slot !== this.#options.slot);
    const answered = found.map(async (slot) => {
      if (await this.#dial(slot)) await this.#hear(slot);
    });
    await Promise.race([Promise.all(answered), Bun.sleep(ready_ms_max)]);
  }

  /** Resolves when the peer has dialled back. */
  #hear(slot: number): Promise<void> {
    if (this.#heard.has(slot)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(slot, resolve));
  }

  /** @returns false if nobody listens there any more. */
  async #dial(slot: number): Promise<boolean> {
    const link = new Link(() => {
      if (this.#links.get(slot) === link) this.#links.delete(slot);
    });
    this.#links.set(slot, link);
    const hello = new Uint8Array(4);
    new DataView(hello.buffer).setUint32(0, this.#options.slot, true);
    link.put(helloKind, hello);
    try {
      await link.connect(this.#path(slot));
      return true;
    } catch {
      if (this.#links.get(slot) === link) this.#links.delete(slot);
      return false;
    }
  }

  #receive(socket: Inbound, bytes: Uint8Array): void {
    const intact = socket.data.reader.read(bytes, (kind, payload) => {
      if (kind === helloKind) this.#greet(socket, payload);
      else if (socket.data.slot >= 0) this.#options.onFrame(socket.data.slot, kind, payload);
    });
    if (!intact) socket.terminate();
  }

  #greet(socket: Inbound, payload: Uint8Array): void {
    const slot = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const former = this.#heard.get(slot);
    socket.data.slot = slot;
    this.#heard.set(slot, socket);
    if (former !== undefined) {
      // A new listener on the slot of one whose end we have not been told of yet.
      former.data.slot = -1;
      former.terminate();
      this.#links.get(slot)?.end();
      this.#links.delete(slot);
      this.#options.onLeave?.(slot);
    }
    if (!this.#links.has(slot)) void this.#dial(slot);
    this.#waiting.get(slot)?.();
    this.#waiting.delete(slot);
    this.#options.onJoin?.(slot);
  }

  #forget(socket: Inbound): void {
    const { slot } = socket.data;
    if (slot < 0 || this.#heard.get(slot) !== socket) return;
    this.#heard.delete(slot);
    this.#links.get(slot)?.end();
    this.#links.delete(slot);
    if (!this.#closed) this.#options.onLeave?.(slot);
  }
}

/** One direction to one peer. */
class Link {
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
