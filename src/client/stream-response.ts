/** Which answers are event streams, which are worth another attempt, and which are not. */

/** The server does not stream. `status` is 0 where there was no answer. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly status: number;
  /** Another attempt would get the same answer. */
  readonly isFinal: boolean;
  /** Milliseconds that the server asked for before another attempt. */
  readonly after_ms: number;

  constructor(status: number, message: string, cause?: unknown, isFinal = false, after_ms = 0) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.isFinal = isFinal;
    this.after_ms = after_ms;
  }
}

/**
 * @returns undefined for 204: the server has nothing more to say, ever (WHATWG HTML §9.2.1)
 * @throws StreamError
 */
export async function responseOf(response: Response): Promise<Response | undefined> {
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "no content type";
  if (status === 200 && /^text\/event-stream\s*(?:;|$)/i.test(type)) return response;
  // Otherwise the connection would stay with it.
  await response.body?.cancel();
  if (status === 204) return undefined;
  const passes = status >= 500 || temporary.includes(status);
  const what = status === 200 ? `${type} is no event stream` : `the server answered ${status}`;
  throw new StreamError(status, what, undefined, !passes, pauseFrom(headers));
}

/** Request Timeout, Too Early, Too Many Requests. */
const temporary: readonly number[] = [408, 425, 429];

export function pauseOf(error: unknown): number {
  return error instanceof StreamError ? error.after_ms : 0;
}

/** Nobody is made to wait for more than an hour; timers take much more for no time at all. */
export const after_ms_max = 3_600_000;

function pauseFrom(headers: Headers): number {
  const after = headers.get("retry-after") ?? "";
  return /^[0-9]+$/.test(after) ? Math.min(Number(after) * 1_000, after_ms_max) : 0;
}
