/** The segment where no native library can be loaded: the same interfaces, seen by this listener alone. */
import type { ChannelPort, Segment } from "./core.ts";
import { PortableChannel } from "./portable-channel.ts";

export class PortableSegment implements Segment {
  readonly shared = false;
  readonly slot: number;

  constructor(slot: number) {
    this.slot = slot;
  }

  now(): number {
    return performance.now() * 1e6;
  }

  openChannel(_name: string, capacity: number): ChannelPort {
    return new PortableChannel(this, capacity);
  }

  close(): void {}
}
