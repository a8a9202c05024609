/**
 * A channel past its cluster: a seam, because what carries it belongs to an adapter. The cluster's own memory stays the
 * place where messages are sent to; from there they are handed over, and one listener of all clusters receives them.
 */
import type { ChannelMessage, NumberedMessage, ReceivingEnd } from "../native/core.ts";

export interface RemoteChannels {
  /** Once per name and listener. */
  open(name: string, options: RemoteOptions): RemoteChannel;
}

export interface RemoteOptions {
  /** Messages that may wait there. */
  readonly capacity: number;
  /** Most messages that are wanted at once. */
  readonly batch: number;
  /** Called when there may be something to receive, room, or nobody who consumes. */
  readonly wake: () => void;
}

export interface RemoteChannel {
  readonly end: ReceivingEnd<ChannelMessage>;
  /**
   * Hands over messages of this cluster, those that were handed over before not again: a message is known by its origin
   * and number. Never rejects.
   *
   * @returns how many of them, from the first, are kept there. If not all, `wake` is called when it may go on.
   */
  append(messages: readonly NumberedMessage[]): Promise<number>;
  /** As of a moment ago. */
  counts(): RemoteCounts;
}

/** Of all clusters. */
export interface RemoteCounts {
  readonly depth: number;
  /** Milliseconds. */
  readonly age: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly consumed: boolean;
}
