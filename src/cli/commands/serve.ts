/** `robyn app.ts`: serves an app that starts itself, and one that is exported as default. */
import { setLaunch } from "../../server/launch.ts";
import type { StartOptions } from "../../server/settings.ts";
import { isApp, loadApp, noApp } from "../load-app.ts";
import { markListening } from "../main.ts";

export async function serveApp(file: string, flags: StartOptions): Promise<void> {
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
