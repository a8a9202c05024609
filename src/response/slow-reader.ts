/** Time for readers who are slow and honest. */
import type { Answered } from "./audience.ts";
import { slow_reader_seconds } from "./stream.ts";

/**
 * Long before Bun could cut anybody, and long enough that one timer serves many answers: with one per turn of the event
 * loop an answer of 1 MiB costs 2 µs more.
 */
const delay_ms = 100;

let waiting: Answered[] = [];

/**
 * Without this Bun cuts a file answer that is not through after its idle timeout (12 s by default), however steadily it
 * is read. The timeout of the request is raised later and not now: Bun sets it back when it begins to send, which it
 * does as soon as the handler returns. For an answer that is through by then it does nothing.
 *
 * Nothing tells when a file is through, so the connection keeps this timeout until its next request.
 */
export function keepForSlowReader(answered: Answered | undefined): void {
  if (answered === undefined) return;
  if (waiting.length === 0) setTimeout(raiseTimeouts, delay_ms).unref();
  waiting.push(answered);
}

function raiseTimeouts(): void {
  const all = waiting;
  waiting = [];
  for (const { audience } of all) audience.setIdleTimeout(slow_reader_seconds);
}
