/** `robyn app.ts`: serves an app that starts itself, and one that is exported as default. */
import { createLogger } from "../../logger.ts";
import { setLaunch } from "../../server/launch.ts";
import { currentSeat } from "../../server/seat.ts";
import { resolveSettings, type StartOptions, wantsPrimary } from "../../server/settings.ts";
import { isApp, loadApp, noApp } from "../load-app.ts";
import { markListening } from "../main.ts";

export async function serveApp(file: string, flags: StartOptions): Promise<void> {
  if (await becomePrimary(flags)) return;
  const started = new Set<unknown>();
  setLaunch({
    flags,
    mode: "serve",
    onStart: (app) => started.add(app),
    onListening: markListening,
  });
  const { default: app } = await loadApp(file);
  if (isApp(app) && !started.has(app)) {
    await app.start();
    return;
  }
  if (started.size === 0) throw noApp(file);
}

/**
 * With flags or environment for several processes, this one is their primary and never loads the application. Where
 * only the application says so, `start()` does the same after it was loaded.
 */
async function becomePrimary(flags: StartOptions): Promise<boolean> {
  if (currentSeat() !== undefined) return false;
  const settings = resolveSettings({}, flags, process.env);
  if (!wantsPrimary(settings) || process.platform !== "linux") return false;
  // Loaded here: one process serves without the cluster.
  const { startPrimary } =
    require("../../cluster/start.ts") as typeof import("../../cluster/start.ts");
  const { ownSegment } =
    require("../../native/segment.ts") as typeof import("../../native/segment.ts");
  const logger = createLogger(settings.logLevel);
  await startPrimary(settings, logger, ownSegment(logger));
  markListening();
  return true;
}
