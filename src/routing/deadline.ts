/**
 * Handler timeouts. Bun's idle timeout does not see a handler that never answers once the body of its request is
 * complete, so the framework keeps the time itself.
 *
 * Only what returns a pending promise is timed, and all of it by one timer per duration: the entries of one duration
 * end in the order in which they began, so a `Set`, which keeps that order, is the whole queue.
 */
import { timeoutError } from "../request/life.ts";
import type { AnyContext } from "./route.ts";

type Eventually<Value> = Value | Promise<Value>;

/** How a chain goes on. */
export interface Continuation {
  readonly respond: (value: unknown, context: AnyContext) => Eventually<Response>;
  readonly fail: (error: unknown, context: AnyContext) => Eventually<Response>;
}

interface Entry {
  readonly end_ms: number;
  readonly context: AnyContext;
  readonly continuation: Continuation;
  readonly resolve: (response: Eventually<Response>) => void;
}

export class Deadline {
  readonly #seconds: number;
  readonly #entries = new Set<Entry>();
  #timer: Timer | undefined;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** What becomes of `value`, or a 503 when it takes too long. What comes later is dropped, its stream cancelled. */
  watch(
    value: Promise<unknown>,
    context: AnyContext,
    continuation: Continuation,
  ): Promise<Response> {
    const { respond, fail } = continuation;
    return new Promise((resolve) => {
      const end_ms = performance.now() + this.#seconds * 1_000;
      const entry: Entry = { end_ms, context, continuation, resolve };
      this.#entries.add(entry);
      this.#timer ??= this.#start(this.#seconds * 1_000);
      value.then(
        (settled) => {
          if (this.#entries.delete(entry)) resolve(respond(settled, context));
          else discard(settled);
        },
        (error: unknown) => {
          if (this.#entries.delete(entry)) resolve(fail(error, context));
        },
      );
    });
  }

  /** The first entry is always the next to end, so one timer does; it stops when nothing is pending. */
  #start(wait_ms: number): Timer {
    const timer = setTimeout(() => this.#expire(), Math.min(wait_ms, timer_ms_max));
    timer.unref();
    return timer;
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const entry of this.#entries) {
      if (entry.end_ms > now) {
        this.#timer = this.#start(entry.end_ms - now);
        return;
      }
      this.#entries.delete(entry);
      const { context, continuation, resolve } = entry;
      const error = timeoutError(context.isReading, this.#seconds);
      context.expire(new DOMException(error.message, "TimeoutError"));
      resolve(continuation.fail(error, context));
    }
  }
}

/** Longest delay of a timer: a signed 32-bit number of milliseconds. */
const timer_ms_max = 2_147_483_647;

function discard(value: unknown): void {
  if (value instanceof Response && !value.bodyUsed) void value.body?.cancel().catch(() => {});
}

/** The deadlines of an application, one per duration. */
export class Deadlines {
  readonly #bySeconds = new Map<number, Deadline>();

  /** @returns undefined for 0: no timeout. */
  of(seconds: number): Deadline | undefined {
    if (seconds === 0) return undefined;
    const known = this.#bySeconds.get(seconds);
    if (known !== undefined) return known;
    const deadline = new Deadline(seconds);
    this.#bySeconds.set(seconds, deadline);
    return deadline;
  }
}
