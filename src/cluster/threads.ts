/** The other listener threads of a worker process. They live and die with it: when one fails, the process ends. */
import type { Seat } from "../server/seat.ts";
import type { ToListener } from "./protocol.ts";
import { spawnThread } from "./spawn.ts";

interface Thread {
  readonly worker: Worker;
  readonly ended: Promise<number>;
}

export class Threads {
  readonly #seat: Seat;
  readonly #threads = new Map<number, Thread>();
  #isDraining = false;
  onMessage: (message: unknown) => void = () => {};

  constructor(seat: Seat) {
    this.#seat = seat;
  }

  /** After the main thread serves: what is wrong with the application was told once, by it. */
  start(): void {
    for (const [thread, slot] of this.#seat.slots.entries()) {
      if (thread === 0) continue;
      const index = this.#seat.index + thread;
      const worker = spawnThread({ ...this.#seat, slot, thread, index });
      const { promise: ended, resolve } = Promise.withResolvers<number>();
      worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => this.onMessage(data));
      worker.addEventListener("error", ({ message }) => console.error(message));
      worker.addEventListener("close", (event) => {
        resolve("code" in event && typeof event.code === "number" ? event.code : 1);
        if (!this.#isDraining) process.exit(1);
      });
      this.#threads.set(slot, { worker, ended });
    }
  }

  /** @returns whether it is for one of them */
  forward(message: ToListener): boolean {
    const thread = this.#threads.get(message.slot);
    if (message.robyn === "drain") this.#isDraining = true;
    thread?.worker.postMessage(message);
    return thread !== undefined;
  }

  /** Resolves when all of them have ended. @returns whether all ended cleanly */
  async drain(): Promise<boolean> {
    for (const slot of this.#threads.keys()) this.forward({ robyn: "drain", slot });
    const codes = await Promise.all(this.#threads.values().map(({ ended }) => ended));
    return codes.every((code) => code === 0);
  }
}
