/** A doorbell between processes over Unix sockets: one byte is one ring. As simple as a test and a benchmark need it. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Doorbell } from "../../src/channel/doorbell.ts";

export class SocketDoorbell implements Doorbell {
  readonly #directory: string;
  readonly #slot: number;
  readonly #peers = new Map<number, Promise<Bun.Socket>>();
  readonly #open = new Map<number, Bun.Socket>();

  constructor(directory: string, slot: number) {
    this.#directory = directory;
    this.#slot = slot;
  }

  onRing(callback: () => void): void {
    const unix = this.#path(this.#slot);
    rmSync(unix, { force: true });
    Bun.listen({ unix, socket: { data: callback } }).unref();
  }

  ring(slot: number): void {
    const socket = this.#open.get(slot);
    if (socket === undefined) void this.#connect(slot);
    else socket.write("!");
  }

  /** Who does not listen (yet, or any more) is not rung: its slow poll is what such a test is about. */
  async #connect(slot: number): Promise<void> {
    if (this.#peers.has(slot)) return;
    const forget = () => {
      this.#open.delete(slot);
      this.#peers.delete(slot);
    };
    const connecting = Bun.connect({
      unix: this.#path(slot),
      socket: { data() {}, close: forget, error: forget },
    });
    this.#peers.set(slot, connecting);
    try {
      const socket = await connecting;
      socket.unref();
      this.#open.set(slot, socket);
      socket.write("!");
    } catch {
      forget();
    }
  }

  #path(slot: number): string {
    return join(this.#directory, `${slot}.sock`);
  }
}
