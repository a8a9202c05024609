/** Where a cluster can be had. */
import type { Logger } from "../logger.ts";
import { type Settings, wantsPrimary } from "../server/settings.ts";

/**
 * Only Linux spreads the connections of a port over the processes that listen on it; macOS and Windows ignore
 * `reusePort`, and a second process would get none of them, or all.
 *
 * @returns the settings, with what this platform cannot do taken out and said once.
 */
export function settingsFor(
  platform: NodeJS.Platform,
  settings: Settings,
  logger: Logger,
): Settings {
  if (platform === "linux" || !wantsPrimary(settings)) return settings;
  logger.warn(
    `${platform} cannot share a port between processes: one process serves, and processes, workers, maxRequests and maxRss are ignored`,
  );
  return { ...settings, processes: 1, workers: 1, maxRequests: 0, maxRss: 0 };
}
