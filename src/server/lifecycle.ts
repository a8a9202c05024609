/**
 * The states of a running server.
 *
 * listening ──SIGTERM/SIGINT──▶ draining ──in-flight done, or deadline──▶ stopped ──shutdown handlers──▶ exit 0
 *                                   └── a second signal: exit 1 at once
 */
import { drain, type DrainOptions } from "./drain.ts";
import { handleSignals } from "./signals.ts";

export type { ShutdownHandler } from "./drain.ts";

/** What `start()` returns: one server, or the primary of many. */
export interface RunningServer {
  /** Port that is listened on, also where 0 was asked for. */
  readonly port: number;
  readonly hostname: string;
  readonly url: URL;
  /** Requests in flight. */
  readonly pending: number;
  /** Stops accepting, lets requests in flight finish (at most `shutdownTimeout`), runs the shutdown handlers. */
  stop(): Promise<void>;
}

export interface LifecycleOptions extends DrainOptions {
  /** Whether this server handles the signals of its process; a worker of a cluster does that itself. */
  readonly signals: boolean;
}

export interface Managed {
  readonly running: RunningServer;
  /** Drains gently, as a signal does. @returns false if a shutdown handler failed */
  drain(): Promise<boolean>;
}

export function manage(options: LifecycleOptions): Managed {
  const { logger } = options;
  const { server } = options.listener;
  let stopped: Promise<boolean> | undefined;

  const stop = (isGentle: boolean) => (stopped ??= drain(options, isGentle));

  const forget = options.signals
    ? handleSignals({
        async onStop(signal) {
          logger.info(`${signal}: draining, ${server.pendingRequests} requests in flight`);
          const clean = await stop(true);
          logger.info("stopped");
          return clean;
        },
        onForce: (signal) => logger.warn(`${signal} again: exit without waiting`),
      })
    : () => {};

  return {
    running: {
      port: server.port ?? 0,
      hostname: server.hostname ?? "",
      url: server.url,
      get pending() {
        return server.pendingRequests;
      },
      async stop() {
        await stop(false);
        forget();
      },
    },
    drain: () => stop(true),
  };
}
