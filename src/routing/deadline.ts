/**
 * Handler timeouts. Bun's idle timeout does not see a handler that never answers once the body of its request is
 * complete; and where there is no body, it closes the connection without a word while the handler still has time. So
 * the framework keeps the time itself, and tells Bun to wait as long.
 *
 * Only what returns a pending promise is timed, and all of it by one timer per duration: requests of one duration end
 * in the order in which they began, so a linked list is the whole queue. It takes 90 ns per request; a `Set` took 135.
 */
import { serverTimeout_s_max } from "../request/body-limit.ts";
import { timeoutError } from "../request/life.ts";
import type { PendingBody } from "../request/pending-body.ts";
import { Queue, type Queued } from "./queue.ts";
import type { AnyContext } from "./route.ts";

type Eventually<Value> = Value | Promise<Value>;

/** How a chain goes on. */
export interface Continuation {
  readonly respond: (value: unknown, context: AnyContext) => Eventually<Response>;
  readonly fail: (error: unknown, context: AnyContext) => Eventually<Response>;
}

/** One request that waits for its handler. */
class Entry implements Queued<Entry> {
  readonly began_ms: number;
  readonly context: AnyContext;
  readonly continuation: Continuation;
  readonly resolve: (response: Eventually<Response>) => void;
  queue: Queue<Entry> | undefined = undefined;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;

  constructor(
    began_ms: number,
    context: AnyContext,
    continuation: Continuation,
    resolve: (response: Eventually<Response>) => void,
  ) {
    this.began_ms = began_ms;
    this.context = context;
    this.continuation = continuation;
    this.resolve = resolve;
  }
}

/** Most handlers answer before this: nothing is asked of Bun for them. Its own timer moves in steps of 4 s. */
const patience_ms = 250;

export class Deadline {
  readonly #seconds: number;
  readonly #patience_ms: number;
  readonly #young = new Queue<Entry>();
  readonly #old = new Queue<Entry>();
  #timer: Timer | undefined;

  /** @param seconds `Infinity` where a handler may take for ever. */
  constructor(seconds: number) {
    this.#seconds = seconds;
    this.#patience_ms = Math.min(patience_ms, seconds * 1_000);
  }

  /** What becomes of `value`, or a 503 when it takes too long. What comes later is dropped, its stream cancelled. */
  watch(
    value: Promise<unknown> | PendingBody,
    context: AnyContext,
    continuation: Continuation,
  ): Promise<Response> {
    const { respond, fail } = continuation;
    return new Promise((resolve) => {
      const entry = new Entry(performance.now(), context, continuation, resolve);
      this.#young.append(entry);
      this.#timer ??= this.#start(this.#patience_ms);
      value.then(
        (settled) => {
          if (remove(entry)) resolve(respond(settled, context));
          else discard(settled);
        },
        (error: unknown) => {
          if (remove(entry)) resolve(fail(error, context));
        },
      );
    });
  }

  /** Nothing is running for its sake: a process that has nothing else to do may end. */
  #start(wait_ms: number): Timer {
    const timer = setTimeout(() => this.#look(), Math.min(wait_ms, timer_ms_max));
    timer.unref();
    return timer;
  }

  #look(): void {
    const now = performance.now();
    const lived_ms = this.#seconds * 1_000;
    for (let entry = this.#young.first; entry !== undefined; entry = this.#young.first) {
      if (entry.began_ms + this.#patience_ms > now) break;
      this.#young.remove(entry);
      this.#old.append(entry);
      keepOpen(entry.context, this.#seconds);
    }
    for (let entry = this.#old.first; entry !== undefined; entry = this.#old.first) {
      if (entry.began_ms + lived_ms > now) break;
      this.#old.remove(entry);
      this.#expire(entry);
    }
    const next_ms = Math.min(
      (this.#young.first?.began_ms ?? Number.POSITIVE_INFINITY) + this.#patience_ms,
      (this.#old.first?.began_ms ?? Number.POSITIVE_INFINITY) + lived_ms,
    );
    this.#timer = next_ms === Number.POSITIVE_INFINITY ? undefined : this.#start(next_ms - now);
  }

  #expire({ context, continuation, resolve }: Entry): void {
    const error = timeoutError(context.isReading, this.#seconds);
    context.expire(new DOMException(error.message, "TimeoutError"));
    resolve(continuation.fail(error, context));
  }
}

/** Longest delay of a timer: a signed 32-bit number of milliseconds. */
const timer_ms_max = 2_147_483_647;

/** @returns false if its time was up before. */
function remove(entry: Entry): boolean {
  if (entry.queue === undefined) return false;
  entry.queue.remove(entry);
  return true;
}

/** Where a body is still to come, Bun's timer stays as it is: it ends slow attacks. Where one has come, it is off. */
function keepOpen({ server, request }: AnyContext, seconds: number): void {
  if (server === undefined || request.body !== null) return;
  server.timeout(request, seconds < serverTimeout_s_max ? Math.ceil(seconds) + 1 : 0);
}

function discard(value: unknown): void {
  if (value instanceof Response && !value.bodyUsed) void value.body?.cancel().catch(() => {});
}

/** The deadlines of an application, one per duration. */
export class Deadlines {
  readonly #bySeconds = new Map<number, Deadline>();

  /** @param seconds 0: no timeout. */
  of(seconds: number): Deadline {
    const known = this.#bySeconds.get(seconds);
    if (known !== undefined) return known;
    const deadline = new Deadline(seconds === 0 ? Number.POSITIVE_INFINITY : seconds);
    this.#bySeconds.set(seconds, deadline);
    return deadline;
  }
}
