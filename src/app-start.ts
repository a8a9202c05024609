/** What `app.start()` does: a primary that starts workers, or one listener, in a cluster or alone. */
import type { Rooms } from "./app-rooms.ts";
import type { ClusterWorker } from "./cluster/worker.ts";
import { RobynError } from "./errors.ts";
import { dieWithParent } from "./native/process.ts";
import { ownSegment } from "./native/segment.ts";
import type { Compiled } from "./routing/compile.ts";
import { printBanner } from "./server/banner.ts";
import { countRequests, type Dispatch } from "./server/dispatch.ts";
import { currentLaunch } from "./server/launch.ts";
import { manage, type RunningServer, type ShutdownHandler } from "./server/lifecycle.ts";
import { currentSeat } from "./server/seat.ts";
import { serve } from "./server/serve.ts";
import { type Settings, wantsPrimary } from "./server/settings.ts";
import { aloneArbiter } from "./server/tasks.ts";

/** What it needs of the application. */
export interface Startable {
  readonly rooms: Rooms;
  readonly startupHandlers: readonly (() => unknown)[];
  readonly shutdownHandlers: readonly ShutdownHandler[];
  compile(): Promise<Compiled>;
  dispatchTo(compiled: Compiled): Dispatch;
  webSocketHandler(): Bun.WebSocketHandler<unknown>;
  becomePrimary(): void;
  /** Lets go of what is injected. */
  dispose(): Promise<void>;
}

/** @throws RobynError; nothing listens then, and nothing is held that would keep the process alive. */
export async function startApp(app: Startable, settings: Settings): Promise<RunningServer> {
  const { rooms } = app;
  const logger = rooms.useLogLevel(settings.logLevel);
  const worker = joinCluster();
  if (worker === undefined && wantsPrimary(settings)) {
    const { settingsFor } =
      require("./cluster/platform.ts") as typeof import("./cluster/platform.ts");
    const possible = settingsFor(process.platform, settings, logger);
    if (wantsPrimary(possible)) return await startPrimary(app, possible);
    return await startListener(app, possible, undefined);
  }
  return await startListener(app, settings, worker);
}

/** Loaded only where there is a cluster to join. */
export function joinCluster(): ClusterWorker | undefined {
  if (currentSeat() === undefined) return undefined;
  const { joinCluster: join } =
    require("./cluster/worker.ts") as typeof import("./cluster/worker.ts");
  return join(dieWithParent);
}

/** This process serves nothing: it starts the workers, each of which runs this program again. */
async function startPrimary(app: Startable, settings: Settings): Promise<RunningServer> {
  app.becomePrimary();
  const { logger } = app.rooms;
  const { startPrimary: start } =
    require("./cluster/start.ts") as typeof import("./cluster/start.ts");
  const running = await start(settings, logger, ownSegment(logger, settings.cacheSize));
  currentLaunch()?.onListening();
  return running;
}

async function startListener(
  app: Startable,
  settings: Settings,
  worker: ClusterWorker | undefined,
): Promise<RunningServer> {
  try {
    return await listen(app, settings, worker);
  } catch (error) {
    await app.rooms.leaveClusters();
    await app.dispose();
    worker?.failed(error);
    throw error;
  }
}

async function listen(
  app: Startable,
  settings: Settings,
  worker: ClusterWorker | undefined,
): Promise<RunningServer> {
  const { rooms } = app;
  const { logger } = rooms;
  rooms.phase = "starting";
  const compiled = await app.compile();
  const port = (await worker?.listen(settings)) ?? settings.port;
  if (worker !== undefined) await rooms.joinListeners(worker);
  await rooms.joinClusters(worker?.seat.cluster ?? crypto.randomUUID());
  await runStartupHandlers(app.startupHandlers);
  const { endpoints, core } = compiled;
  const hasSockets = endpoints.some(({ route }) => route.socket !== undefined);
  const counted = countRequests(app.dispatchTo(compiled), settings);
  const listener = await serve(
    compiled,
    counted.dispatch,
    { ...settings, port, accelerator: settings.accelerator && !countsRequests(rooms, settings) },
    logger,
    {
      isShared: worker !== undefined,
      websocket: hasSockets ? app.webSocketHandler() : undefined,
    },
  );
  rooms.metricsInUse?.serves();
  const managed = manage({
    listener,
    openStreams: compiled.settings.openStreams,
    // The last is the first to run: a consumer may need what the others close, and all of them what is injected.
    shutdownHandlers: [
      () => app.dispose(),
      () => rooms.metricsInUse?.stop(),
      () => rooms.leaveClusters(),
      () => rooms.leaveListeners(),
      ...app.shutdownHandlers,
      () => rooms.stopChannels(settings.shutdownTimeout * 1_000),
    ],
    shutdownTimeoutSeconds: settings.shutdownTimeout,
    logger,
    signals: settings.signals && worker === undefined,
    onDraining: () => {
      rooms.phase = "draining";
      rooms.metricsInUse?.drains();
      return rooms.tasks.end();
    },
  });
  rooms.phase = "serving";
  rooms.startChannels();
  // Last: whoever reads the banner may send a signal, and it has to find its handler.
  currentLaunch()?.onListening();
  // Claims go first: in a reload the old worker lets go of its tasks as soon as this one is ready.
  rooms.tasks.begin(worker?.arbiter ?? aloneArbiter, logger);
  worker?.serves({
    ...{ managed, settings, logger, core, routes: endpoints.length },
    requests: counted.count,
  });
  if (settings.banner && worker === undefined) printBanner(compiled, listener.server);
  return managed.running;
}

/** What Bun's own table answers is seen by nobody. */
function countsRequests({ metricsInUse }: Rooms, { maxRequests }: Settings): boolean {
  return maxRequests > 0 || metricsInUse?.isExposed === true;
}

async function runStartupHandlers(handlers: readonly (() => unknown)[]): Promise<void> {
  try {
    for (const handler of handlers) await handler();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : Bun.inspect(cause);
    throw new RobynError(
      "ROBYN_STARTUP_FAILED",
      `A startup handler failed: ${why}.`,
      "Repair what the handler needs, or catch the error there: nothing listens before all startup handlers have finished.",
      { cause },
    );
  }
}
