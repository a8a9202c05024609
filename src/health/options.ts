/** Options of `app.health()`, checked. */
import { RobynError } from "../errors.ts";

/** Fails if it throws, rejects or returns false. The signal aborts when its time is over. */
export type HealthCheck = (signal: AbortSignal) => unknown;

export interface HealthOptions {
  /** One route for both, that answers as `ready` does. Without it there are two. */
  path?: string;
  /** Route that tells whether the process works at all; it asks no check. Default `/livez`. */
  live?: string;
  /** Route that tells whether requests should be sent here. Default `/readyz`. */
  ready?: string;
  /** What the server cannot work without, by name; the names are public. */
  checks?: Readonly<Record<string, HealthCheck>>;
  /** Seconds that a check may take. Default 2. */
  timeout?: number;
}

const names = ["path", "live", "ready", "checks", "timeout"];
export const check_timeout_s_default = 2;
const timeout_s_max = 60;

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkHealthOptions(options: HealthOptions): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      refuse(`the unknown option "${name}"`, `It takes ${names.join(", ")}.`);
  }
  const { path, live, ready, checks = {}, timeout = check_timeout_s_default } = options;
  if (path !== undefined && (live !== undefined || ready !== undefined))
    refuse("path beside live or ready", "Give one path, or two.");
  if (!(timeout > 0 && timeout <= timeout_s_max))
    refuse(`the timeout ${timeout}`, `It takes seconds, above 0 and up to ${timeout_s_max}.`);
  for (const [name, check] of Object.entries(checks)) {
    if (typeof check !== "function")
      refuse(`the check ${JSON.stringify(name)}, which is no function`, "A check is a function.");
  }
}

function refuse(what: string, fix: string): never {
  throw new RobynError("ROBYN_OPTION_INVALID", `health() was given ${what}.`, fix);
}
