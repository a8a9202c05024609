/** What a channel tells of itself: of its cluster, and of all clusters where they are joined. */
import type { ChannelCounts } from "../native/core.ts";
import type { RemoteCounts } from "./remote.ts";

/** With an adapter between clusters, of all of them, as of a moment ago. */
export interface ChannelStats {
  readonly capacity: number;
  /** Messages that were sent and not acknowledged, in the whole cluster. */
  readonly depth: number;
  /** How long the oldest of them has waited, in milliseconds; 0 where none waits. */
  readonly age: number;
  /** Since the cluster started, by all listeners; with an adapter, what was handed over to it since it keeps the channel. */
  readonly sent: number;
  readonly acknowledged: number;
  /** Whether some listener consumes. */
  readonly consumed: boolean;
  /** Sends that wait for room in this listener. */
  readonly waiting: number;
}

/** @param now on the clock of the segment */
export function statsOf(
  near: ChannelCounts,
  now: number,
  far: RemoteCounts | undefined,
  capacity: number,
  waiting: number,
): ChannelStats {
  const { sent, acknowledged, oldest_ns, consumed } = near;
  const age = oldest_ns === undefined ? 0 : Math.max(0, (now - oldest_ns) / 1e6);
  const depth = sent - acknowledged;
  if (far === undefined) return { capacity, depth, age, sent, acknowledged, consumed, waiting };
  // What is not handed over yet waits as well; the numbers of this cluster's memory are of the handing over only.
  return { capacity, ...far, depth: far.depth + depth, age: Math.max(far.age, age), waiting };
}
