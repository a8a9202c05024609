/** The seam to other machines: what an adapter is given when a listener starts, and what it gives back. */
import type { AppCache } from "../cache/app-cache.ts";
import type { RemoteChannels } from "../channel/remote.ts";
import type { Logger } from "../logger.ts";
import type { AdapterCounts } from "../metrics/adapter.ts";
import type { RemoteRateLimits } from "../native/core.ts";
import type { Hub } from "../websocket/hub.ts";

/** Joins the clusters of an application, as `redis()` of `robyn/redis` does: `new Robyn({ adapter })`. */
export interface Adapter {
  readonly name: string;
  /** Called once by every listener, never by a primary. Rejects for what no waiting would mend. */
  open(surroundings: Surroundings): Promise<Joined>;
}

export interface Surroundings {
  /** The same for all listeners of a cluster, and for nobody else: these reach each other without the adapter. */
  readonly cluster: string;
  readonly hub: Hub;
  readonly cache: AppCache;
  readonly logger: Logger;
}

export interface Joined {
  /** Undefined where every cluster limits for itself. */
  readonly rateLimits: RemoteRateLimits | undefined;
  /** Undefined where the channels of every cluster are its own. */
  readonly channels: RemoteChannels | undefined;
  counts(): AdapterCounts;
  /** Says goodbye. Nothing of it may be used afterwards. */
  close(): Promise<void>;
}
