/** Refuses a Bun that lacks what the framework uses; imported first, so that nothing else fails before. */
import { RobynError } from "./errors.ts";

/** 1.4.4 brought the WebSocket `error` handler and `bun fmt`; engine-native FFI came with 1.4.0. */
export const oldestBun = "1.4.4";

export function checkBunVersion(version: string): void {
  if (Bun.semver.order(version, oldestBun) >= 0) return;
  throw new RobynError(
    "ROBYN_BUN_TOO_OLD",
    `robyn needs Bun ${oldestBun} or newer, this is ${version}.`,
    'Run "bun upgrade" or "npm install -g bun".',
  );
}

checkBunVersion(Bun.version);
