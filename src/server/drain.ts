/**
 * How a server lets go of its clients without cutting one.
 *
 * `Bun.serve`'s own `stop()` closes idle keep-alive connections at once, and with them the request that is just arriving
 * on one. So before it comes a gentle phase: the listening socket is closed (the kernel hands its queue to the other
 * listeners of the port, if it may), every answer ends its connection, and the rest of the connections get time to ask
 * once more. Then `stop()`, which by now has nothing to cut; at the deadline what is left is cut.
 */
import type { Logger } from "../logger.ts";
import { closeListeners, countConnections } from "../native/process.ts";
import type { OpenStreams } from "../response/open-streams.ts";
import type { Listener } from "./serve.ts";

export type ShutdownHandler = () => unknown;

export interface DrainOptions {
  readonly listener: Listener;
  /** Streams without an end of their own; they are told to end when draining begins. */
  readonly openStreams: OpenStreams;
  readonly shutdownHandlers: readonly ShutdownHandler[];
  readonly shutdownTimeoutSeconds: number;
  readonly logger: Logger;
  /** Called first: from here on the server is not ready. What it returns is waited for, up to the deadline. */
  readonly onDraining: () => Promise<void>;
}

/** A connection that has been silent for so long is not about to send: it is closed although nothing told its client. */
const quiet_ms = 500;

const poll_ms = 20;

/** @returns false if a shutdown handler failed */
export async function drain(options: DrainOptions, isGentle: boolean): Promise<boolean> {
  const { listener, openStreams, shutdownTimeoutSeconds, logger } = options;
  const { server } = listener;
  const { promise: deadline, resolve } = Promise.withResolvers<"deadline">();
  const timer = setTimeout(resolve, shutdownTimeoutSeconds * 1_000, "deadline");
  const released = Promise.all([options.onDraining(), openStreams.drain()]);
  if (isGentle) await Promise.race([dismissClients(listener), deadline]);
  // stop() alone never resolves while a stream or a WebSocket is open.
  const outcome = await Promise.race([Promise.all([released, server.stop()]), deadline]);
  clearTimeout(timer);
  if (outcome === "deadline") {
    if (server.pendingRequests > 0)
      logger.warn(
        `${server.pendingRequests} requests did not finish within ${shutdownTimeoutSeconds} s and are cut`,
      );
    await server.stop(true);
  }
  return await runShutdownHandlers(options);
}

/** Ends when no connection is left, or none has asked for anything for a while. */
async function dismissClients({ server, dismissConnections }: Listener): Promise<void> {
  const { port } = server;
  if (port === undefined || !(await closeListeners(port))) return;
  let requestedAt = performance.now();
  let busyAt = requestedAt;
  let hasClosedIdle = false;
  dismissConnections(() => (requestedAt = performance.now()));
  while (countConnections(port) !== 0) {
    const now = performance.now();
    if (server.pendingRequests > 0) busyAt = now;
    if (now - Math.max(requestedAt, busyAt) > quiet_ms) return;
    // A long request holds up the end, but not the connections that have nothing to do with it. Only once: the answer
    // to a request that was in flight does not end its connection, and the client may be about to use it again.
    if (!hasClosedIdle && now - requestedAt > quiet_ms) {
      hasClosedIdle = true;
      server.closeIdleConnections();
    }
    await Bun.sleep(poll_ms);
  }
}

async function runShutdownHandlers({ shutdownHandlers, logger }: DrainOptions): Promise<boolean> {
  let clean = true;
  for (const handler of shutdownHandlers.toReversed()) {
    try {
      await handler();
    } catch (error) {
      clean = false;
      logger.error("a shutdown handler failed", error);
    }
  }
  return clean;
}
