/** One worker process, as the primary sees it: starting ─▶ ready ─▶ draining ─▶ ended. */
import type { Seat } from "../server/seat.ts";
import { killSignal, stopSignal } from "../server/signals.ts";
import { isToPrimary, type ToListener, type ToPrimary } from "./protocol.ts";
import { spawnWorker } from "./spawn.ts";

/** What the first server of a worker says when it listens. */
export type Ready = Extract<ToPrimary, { robyn: "ready" }>;

export interface MemberEvents {
  onMessage(member: Member, message: ToPrimary): void;
  onEnded(member: Member): void;
}

/** Beyond its own deadline for requests, a worker has shutdown handlers to run. */
const drain_margin_s = 2;

export class Member {
  /** Index of the process, 0 to processes − 1; who replaces it has the same. */
  readonly process: number;
  readonly seat: Omit<Seat, "segment">;
  /** Resolves with undefined when every listener answers, else with why none will. */
  readonly started: Promise<string | undefined>;
  readonly ended: Promise<void>;
  /** Somebody told it to end: its end is no death. */
  isLeaving = false;
  isKilled = false;
  ready: Ready | undefined;
  /** How it ended, as a sentence goes on. */
  end: string | undefined;
  exitCode: number | null = null;
  /** Requests in flight, at the last beats. */
  readonly #pending = new Map<number, number>();
  readonly #beats = new Map<number, number>();
  readonly #child: ReturnType<typeof spawnWorker>;
  readonly #started = Promise.withResolvers<string | undefined>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #events: MemberEvents;
  #failure: string | undefined;

  constructor(
    process: number,
    seat: Omit<Seat, "segment">,
    segment: number | undefined,
    events: MemberEvents,
  ) {
    this.process = process;
    this.seat = seat;
    this.#events = events;
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    this.#child = spawnWorker({
      seat,
      segment,
      onMessage: (message) => this.#receive(message),
      onEnded: (code, signal) => this.#end(code, signal),
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isReady(): boolean {
    return this.seat.slots.every((slot) => this.#beats.has(slot));
  }

  get pending(): number {
    return this.#pending.values().reduce((sum, count) => sum + count, 0);
  }

  /** When the listener was last heard that was heard least; undefined before all of them are ready. */
  get heardAt(): number | undefined {
    return this.isReady ? Math.min(...this.#beats.values()) : undefined;
  }

  /** For a primary that was itself held up, and could not hear. */
  excuse(now: number): void {
    for (const slot of this.#beats.keys()) this.#beats.set(slot, now);
  }

  send(message: ToListener): void {
    if (this.end !== undefined) return;
    try {
      this.#child.send(message);
    } catch {
      // It is about to end; its end is reported by itself.
    }
  }

  /** Resolves when it has ended: by itself, or because it took too long. */
  async drain(): Promise<void> {
    if (!this.isReady) {
      // It serves nobody, and does not listen to messages yet.
      this.isLeaving = true;
      this.#child.kill(stopSignal);
    } else {
      for (const slot of this.seat.slots) this.send({ robyn: "drain", slot });
    }
    await this.endsInTime();
  }

  /** Kills it if it does not end within its own deadline. */
  async endsInTime(): Promise<void> {
    this.isLeaving = true;
    const limit_s = (this.ready?.shutdownTimeout ?? 0) + drain_margin_s;
    const timer = setTimeout(() => this.kill(), limit_s * 1_000);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.isKilled = true;
    this.#child.kill(killSignal);
  }

  #receive(message: unknown): void {
    if (!isToPrimary(message) || !this.seat.slots.includes(message.slot)) return;
    if (message.robyn === "beat") {
      this.#pending.set(message.slot, message.pending);
      if (this.#beats.has(message.slot)) this.#beats.set(message.slot, performance.now());
    }
    if (message.robyn === "failed") this.#failure = message.message;
    if (message.robyn === "ready") {
      this.ready ??= message;
      this.#beats.set(message.slot, performance.now());
      if (this.isReady) this.#started.resolve(undefined);
    }
    this.#events.onMessage(this, message);
  }

  #end(code: number | null, signal: string | null): void {
    this.exitCode = code;
    this.end = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    this.#started.resolve(this.#failure ?? `it ${this.end} before it listened`);
    this.#ended.resolve();
    this.#events.onEnded(this);
  }
}
