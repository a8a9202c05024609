/**
 * The states of a running server, and the only place that handles signals.
 *
 * listening ──SIGTERM/SIGINT──▶ draining ──in-flight done, or deadline──▶ stopped ──shutdown handlers──▶ exit 0
 *                                   └── a second signal: exit 1 at once
 */
import type { Logger } from "../logger.ts";
import type { BunServer } from "../request/context.ts";
import type { OpenStreams } from "../response/open-streams.ts";

export type ShutdownHandler = () => unknown;

/** What `start()` returns. */
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

export interface LifecycleOptions {
  readonly server: BunServer;
  /** Streams without an end of their own; they are told to end when draining begins. */
  readonly openStreams: OpenStreams;
  readonly shutdownHandlers: readonly ShutdownHandler[];
  readonly shutdownTimeoutSeconds: number;
  readonly logger: Logger;
  readonly signals: boolean;
}

export function manage(options: LifecycleOptions): RunningServer {
  const { server, logger } = options;
  let stopped: Promise<boolean> | undefined;

  const stop = () => (stopped ??= drain(options));

  const onSignal = (signal: NodeJS.Signals) => {
    if (stopped !== undefined) {
      logger.warn(`${signal} again: exit without waiting`);
      process.exit(1);
    }
    logger.info(`${signal}: draining, ${server.pendingRequests} requests in flight`);
    void stop().then((clean) => {
      logger.info("stopped");
      process.exit(clean ? 0 : 1);
    });
  };
  const signals = options.signals ? (["SIGTERM", "SIGINT"] as const) : [];
  for (const signal of signals) process.on(signal, onSignal);

  return {
    port: server.port ?? 0,
    hostname: server.hostname ?? "",
    url: server.url,
    get pending() {
      return server.pendingRequests;
    },
    async stop() {
      await stop();
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** @returns false if a shutdown handler failed */
async function drain({
  server,
  openStreams,
  shutdownHandlers,
  shutdownTimeoutSeconds,
  logger,
}: LifecycleOptions): Promise<boolean> {
  const { promise: deadline, resolve } = Promise.withResolvers<"deadline">();
  const timer = setTimeout(resolve, shutdownTimeoutSeconds * 1_000, "deadline");
  // stop() alone never resolves while a stream or a WebSocket is open.
  const done = Promise.all([openStreams.drain(), server.stop()]);
  const outcome = await Promise.race([done, deadline]);
  clearTimeout(timer);
  if (outcome === "deadline") {
    logger.warn(
      `${server.pendingRequests} requests did not finish within ${shutdownTimeoutSeconds} s and are cut`,
    );
    await server.stop(true);
  }
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
