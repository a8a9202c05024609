/** A source of events under the control of a test. */
import { type EventStream, type ServerSentEvent, sse } from "robyn";

/** Says nothing until it is told to, and tells how it ended. */
export class EventSource {
  readonly started = Promise.withResolvers<void>();
  readonly events: (string | ServerSentEvent)[] = [];
  readonly #next = new Set<() => void>();
  signal: AbortSignal | undefined;
  lastEventId: string | undefined;
  hasEnded = false;

  push(event: string | ServerSentEvent): void {
    this.events.push(event);
    for (const wake of this.#next) wake();
  }

  readonly stream = (heartbeat: number | false = false): EventStream =>
    sse(({ signal, lastEventId }) => this.#generate(signal, lastEventId), { heartbeat });

  async *#generate(signal: AbortSignal, lastEventId: string | undefined) {
    this.signal = signal;
    this.lastEventId = lastEventId;
    this.started.resolve();
    try {
      for (;;) {
        while (this.events.length > 0) yield this.events.shift()!;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#next.add(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
        if (signal.aborted) return;
      }
    } finally {
      this.hasEnded = true;
    }
  }
}
