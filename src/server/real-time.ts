/** What the metrics are told of sockets, topics and the bus: each part has its own numbers, and may never come to be. */
import type { RealTimeCounts } from "../metrics/real-time.ts";
import type { Hub } from "../websocket/hub.ts";

interface BusCounts {
  readonly dropped: number;
  readonly peers: number;
}

/** @returns undefined where neither is used. */
export function realTimeCounts(
  hub: Hub | undefined,
  bus: BusCounts | undefined,
): RealTimeCounts | undefined {
  if (hub === undefined && bus === undefined) return undefined;
  return {
    sockets: hub?.size ?? 0,
    ...(hub?.counts ?? { received: 0, sent: 0, published: 0, slow: 0 }),
    dropped: bus?.dropped ?? 0,
    peers: bus?.peers ?? 0,
  };
}
