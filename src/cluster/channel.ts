/** The way from a listener to the primary: the IPC channel of the process, and for its other threads a relay over the main one. */
import { parentPort } from "node:worker_threads";
import { isToListener, isToPrimary, type ToListener, type ToPrimary } from "./protocol.ts";
import type { Threads } from "./threads.ts";

export interface Channel {
  send(message: ToPrimary): void;
}

/** Of the main thread. `onLost` is called when the primary is gone. */
export function primaryChannel(
  onMessage: (message: ToListener) => void,
  threads: Threads,
  onLost: () => void,
): Channel {
  const send = (message: ToPrimary) => {
    // Without a primary there is nobody to tell, and onLost ends this process.
    if (process.connected) process.send?.(message);
  };
  threads.onMessage = (message) => {
    if (isToPrimary(message)) send(message);
  };
  process.on("message", (message: unknown) => {
    if (!isToListener(message)) return;
    if (!threads.forward(message)) onMessage(message);
  });
  process.on("disconnect", onLost);
  return { send };
}

/** Of the others. */
export function threadChannel(onMessage: (message: ToListener) => void): Channel {
  parentPort?.on("message", (message: unknown) => {
    if (isToListener(message)) onMessage(message);
  });
  return { send: (message) => parentPort?.postMessage(message) };
}
