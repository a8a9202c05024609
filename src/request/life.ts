/** What few requests need: a signal that also aborts when time is up, and things to release at the end. */
import { HttpError } from "../errors.ts";

export class RequestLife {
  readonly #request: Request;
  #controller: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #expired: DOMException | undefined;
  #releases: (() => void)[] | undefined;
  #isOver = false;

  constructor(request: Request) {
    this.#request = request;
  }

  /** Aborts when the client leaves, and when the handler has had its time. */
  get signal(): AbortSignal {
    if (this.#expired !== undefined) return AbortSignal.abort(this.#expired);
    this.#controller ??= new AbortController();
    return (this.#signal ??= AbortSignal.any([this.#request.signal, this.#controller.signal]));
  }

  /**
   * Time is up. `request.signal` is Bun's and cannot be aborted from here, so it is made to look so: its listeners
   * run, and it says that it is aborted. What listens natively (`fetch`, `AbortSignal.any`) must be given `signal`.
   */
  expire(reason: DOMException): void {
    this.#expired = reason;
    this.#controller?.abort(reason);
    const { signal } = this.#request;
    if (signal.aborted) return;
    Object.defineProperties(signal, {
      aborted: { value: true },
      reason: { value: reason },
      throwIfAborted: {
        value: () => {
          throw reason;
        },
      },
    });
    signal.dispatchEvent(new Event("abort"));
  }

  /** Calls `release` when the answer is made or the client has left, whatever comes first; at once if that was. */
  onEnd(release: () => void): void {
    if (this.#isOver || this.#request.signal.aborted) return release();
    if (this.#releases === undefined) {
      this.#releases = [];
      this.#request.signal.addEventListener("abort", () => this.end(), { once: true });
    }
    this.#releases.push(release);
  }

  end(): void {
    this.#isOver = true;
    for (const release of this.#releases?.splice(0) ?? []) release();
  }
}

/** The 503 of a handler that took too long, or the 408 of a body that did (RFC 9110 §15.6.4, §15.5.9). */
export function timeoutError(isReading: boolean, seconds: number): HttpError {
  return isReading
    ? new HttpError(408, `the body did not arrive within ${seconds} seconds`, {
        headers: { connection: "close" },
      })
    : new HttpError(503, `there was no answer within ${seconds} seconds`);
}
