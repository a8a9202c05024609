/** This process as a primary: signals, the control socket and the banner around a `Primary`. */
import type { Logger } from "../logger.ts";
import type { RunningServer } from "../server/lifecycle.ts";
import type { Settings } from "../server/settings.ts";
import { handleSignals } from "../server/signals.ts";
import { type Control, openControl } from "./control.ts";
import type { Ready } from "./member.ts";
import { makeBusFolder } from "./private-folder.ts";
import { Primary, type SegmentOwner } from "./primary.ts";

/** @throws RobynError ROBYN_WORKER_FAILED if no worker starts */
export async function startPrimary(
  settings: Settings,
  logger: Logger,
  segment: SegmentOwner | undefined,
): Promise<RunningServer> {
  const sockets = makeBusFolder();
  const primary = new Primary({ settings, logger, segment, sockets });
  let control: Control | undefined;
  const forget = settings.signals
    ? handleSignals({
        async onStop(signal) {
          logger.info(`${signal}: draining ${settings.processes} processes`);
          const clean = await primary.stop();
          control?.close();
          logger.info("stopped");
          return clean;
        },
        onForce(signal) {
          logger.warn(`${signal} again: exit without waiting`);
          primary.force();
        },
        onReload: () => void primary.reload(),
      })
    : () => {};
  const ready = await primary.start().catch((error: unknown) => {
    // A signal came first: the process ends as that says, and not with a failure that is none.
    if (primary.isStopping) return new Promise<never>(() => {});
    forget();
    throw error;
  });
  control = openControl(ready.port, () => primary.reload(), logger);
  if (settings.banner) printBanner(ready, settings);
  return {
    port: ready.port,
    hostname: ready.host,
    url: new URL(ready.url),
    get pending() {
      return primary.pending;
    },
    async stop() {
      await primary.stop();
      control?.close();
      forget();
    },
  };
}

function printBanner({ url, routes, core }: Ready, { processes, workers }: Settings): void {
  const listeners = workers === 1 ? "" : ` × ${workers} workers`;
  const took = Math.round(performance.now());
  console.log(
    `robyn  ${url}  ${plural(processes, "process", "processes")}${listeners} · ${plural(routes, "route", "routes")} · ${core} core · started in ${took} ms`,
  );
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
