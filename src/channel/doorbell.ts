/** How listeners wake each other: a seam, because what carries it (sockets between processes) belongs to the cluster. */

export interface Doorbell {
  /** Calls what `onRing` was given in the listener of that slot, soon. May be lost if a process is killed. */
  ring(slot: number): void;
  onRing(callback: () => void): void;
}

/**
 * Until the bell rings, or this much time has passed: a ring that was lost with a killed process, and a consumer that
 * died, are noticed then. Four times a second costs nothing that could be measured.
 */
export const safetyPoll_ms = 250;

/** Waiting for the bell of this listener. */
export class Bell {
  #resolve: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  ring(): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    clearTimeout(this.#timer);
    this.#resolve = undefined;
    resolve();
  }

  /** Only one may wait. @param keepsAlive whether the process stays for it. */
  rung(timeout_ms: number, keepsAlive: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolve = resolve;
    this.#timer = setTimeout(() => this.ring(), timeout_ms);
    if (!keepsAlive) this.#timer.unref();
    return promise;
  }
}
