/**
 * Messages between the listeners of a cluster: one Unix socket for every pair and direction, in a private directory
 * that the primary makes. What one listener sends to another arrives in order, without anybody in between.
 *
 * Who comes later finds those who came before by their sockets, says hello, and is dialled back. `ready` resolves when
 * every listener that was found hears us and is heard.
 *
 * Frames of one turn of the event loop leave in one write, or in several if they are many. A peer that does not read is
 * never waited for: up to 64 MiB are kept for it, then frames for it are dropped and counted; the primary replaces hung
 * listeners. One that goes on reading is told of by `onMissed`, so that what it must know can be told again.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FrameReader } from "./frames.ts";
import { Link } from "./link.ts";

export interface BusPlace {
  /** Made by the primary, mode 0700: who can open it is trusted. */
  readonly directory: string;
  /** Slot of this listener. */
  readonly slot: number;
}

/** The payload is valid only during the call. */
export type Receiver = (from: number, payload: Uint8Array) => void;

const ready_ms_max = 2_000;
/** Who leaves waits so long for those that are still reading. */
const finish_ms_max = 1_000;
/** The first frame on every connection: who is calling. */
const helloKind = 0;

type Inbound = Bun.Socket<{ slot: number; readonly reader: FrameReader }>;

export class Bus {
  readonly #place: BusPlace;
  readonly #onFault: (error: unknown) => void;
  readonly #receivers = new Map<number, Receiver>();
  readonly #onJoin: ((slot: number) => void)[] = [];
  readonly #onLeave: ((slot: number) => void)[] = [];
  readonly #onMissed: ((slot: number) => void)[] = [];
  readonly #links = new Map<number, Link>();
  readonly #heard = new Map<number, Inbound>();
  readonly #waiting = new Map<number, () => void>();
  #listener: Bun.UnixSocketListener<{ slot: number; reader: FrameReader }> | undefined;
  #dropped = 0;
  #closed = false;

  /** @param onFault is told what receivers throw. */
  constructor(place: BusPlace, onFault: (error: unknown) => void) {
    this.#place = place;
    this.#onFault = onFault;
  }

  /** Who receives the frames of a kind, 1 to 255. Before `open`, or what comes first is missed. */
  on(kind: number, receiver: Receiver): void {
    this.#receivers.set(kind, receiver);
  }

  /** A listener can be reached, and hears us. */
  onJoin(handler: (slot: number) => void): void {
    this.#onJoin.push(handler);
  }

  /** A listener is gone; what it sent before has been delivered. */
  onLeave(handler: (slot: number) => void): void {
    this.#onLeave.push(handler);
  }

  /** A listener has read everything that is there for it, but some frames had been dropped. */
  onMissed(handler: (slot: number) => void): void {
    this.#onMissed.push(handler);
  }

  /** Connects to everybody who is there. */
  async open(): Promise<void> {
    this.#listen();
    await this.#dialEverybody();
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

  /** @returns false if there is no such listener, or it is too far behind. */
  send(slot: number, kind: number, payload: Uint8Array): boolean {
    const link = this.#links.get(slot);
    return link !== undefined && this.#put(link, kind, payload);
  }

  /** Leaves when what is pending has been taken by those who read. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener?.stop();
    const finished = this.#links.values().map((link) => link.finish());
    await Promise.race([Promise.all(finished), Bun.sleep(finish_ms_max)]);
    for (const link of this.#links.values()) link.end();
    for (const socket of this.#heard.values()) socket.terminate();
    rmSync(this.#path(this.#place.slot), { force: true });
  }

  #tell(handlers: readonly ((slot: number) => void)[], slot: number): void {
    for (const handler of handlers) handler(slot);
  }

  #put(link: Link, kind: number, payload: Uint8Array): boolean {
    const isKept = link.put(kind, payload);
    if (!isKept) this.#dropped++;
    return isKept;
  }

  #path(slot: number): string {
    return join(this.#place.directory, `${slot}.sock`);
  }

  #listen(): void {
    const path = this.#path(this.#place.slot);
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
    const found = readdirSync(this.#place.directory)
      .map((name) => /^(\d+)\.sock$/.exec(name)?.[1])
      .filter((slot) => slot !== undefined)
      .map(Number)
      .filter((slot) => slot !== this.#place.slot);
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
    const link = new Link({
      onEnd: () => {
        if (this.#links.get(slot) === link) this.#links.delete(slot);
      },
      onMissed: () => this.#tell(this.#onMissed, slot),
    });
    this.#links.set(slot, link);
    const hello = new Uint8Array(4);
    new DataView(hello.buffer).setUint32(0, this.#place.slot, true);
    link.put(helloKind, hello);
    try {
      await link.connect(this.#path(slot));
      return true;
    } catch {
      if (this.#links.get(slot) !== link) return false;
      this.#links.delete(slot);
      // The socket of one that was killed was dialled while its successor said hello, and did not get called for that.
      return this.#heard.has(slot) && (await this.#dial(slot));
    }
  }

  #receive(socket: Inbound, bytes: Uint8Array): void {
    const intact = socket.data.reader.read(bytes, (kind, payload) => {
      if (kind === helloKind) this.#greet(socket, payload);
      else if (socket.data.slot >= 0) this.#hand(socket.data.slot, kind, payload);
    });
    if (!intact) socket.terminate();
  }

  /** A receiver that throws has failed with one frame: those behind it are read all the same, and its sender stays. */
  #hand(from: number, kind: number, payload: Uint8Array): void {
    try {
      this.#receivers.get(kind)?.(from, payload);
    } catch (error) {
      this.#onFault(error);
    }
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
      this.#tell(this.#onLeave, slot);
    }
    if (!this.#links.has(slot)) void this.#dial(slot);
    this.#waiting.get(slot)?.();
    this.#waiting.delete(slot);
    this.#tell(this.#onJoin, slot);
  }

  #forget(socket: Inbound): void {
    const { slot } = socket.data;
    if (slot < 0 || this.#heard.get(slot) !== socket) return;
    this.#heard.delete(slot);
    this.#links.get(slot)?.end();
    this.#links.delete(slot);
    if (!this.#closed) this.#tell(this.#onLeave, slot);
  }
}
