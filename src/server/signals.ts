/** The only file that names signals. */

export interface SignalHandlers {
  /** The first SIGTERM or SIGINT. Its promise is what the exit waits for; false: something failed on the way. */
  readonly onStop: (signal: string) => Promise<boolean>;
  /** The second: there is no time any more. */
  readonly onForce: (signal: string) => void;
  /** SIGHUP. Left out, the signal keeps its meaning, which is to end the process. */
  readonly onReload?: () => void;
}

export type SignalMode =
  /** SIGTERM and SIGINT stop. */
  | "all"
  /** SIGTERM stops; SIGINT, which a terminal sends to the whole group, and SIGHUP are left to the primary. */
  | "worker";

/** The strongest end, for a process that does not hear. */
export const killSignal = "SIGKILL";
/** The polite one. */
export const stopSignal = "SIGTERM";

/** Listens to the signals of this process and ends it: with 0 after a clean stop, else with 1. @returns an undo */
export function handleSignals(handlers: SignalHandlers, mode: SignalMode = "all"): () => void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) {
      handlers.onForce(signal);
      process.exit(1);
    }
    isStopping = true;
    void handlers.onStop(signal).then((clean) => process.exit(clean ? 0 : 1));
  };
  const ignore = () => {};
  const listeners: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] =
    mode === "worker"
      ? [
          ["SIGTERM", stop],
          ["SIGINT", ignore],
          ["SIGHUP", ignore],
        ]
      : [
          ["SIGTERM", stop],
          ["SIGINT", stop],
        ];
  const { onReload } = handlers;
  if (onReload !== undefined) listeners.push(["SIGHUP", () => onReload()]);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
