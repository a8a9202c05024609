/**
 * How this process was launched. The CLI writes it before it loads the application; without the CLI it stays empty.
 * It hangs on a registered symbol rather than on this module, so that a second copy of the package sees it too.
 */
import type { StartOptions } from "./settings.ts";

export interface Launch {
  /** Flags of the command line: they beat environment and code. */
  readonly flags: StartOptions;
  /** `inspect`: the application is loaded to be listed, `start()` must not listen. */
  readonly mode: "serve" | "inspect";
  /** Called with what `start()` was called on. */
  readonly onStart: (app: unknown) => void;
  /** Called once a server listens. */
  readonly onListening: () => void;
}

const key = Symbol.for("robyn.launch");

export function currentLaunch(): Launch | undefined {
  return (globalThis as { [key]?: Launch })[key];
}

export function setLaunch(launch: Launch): void {
  (globalThis as { [key]?: Launch })[key] = launch;
}
