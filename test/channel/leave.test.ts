/** Consumers in two listeners of one memory, with their steps interleaved on purpose. */
import { expect, test } from "bun:test";
import { Consumer } from "../../src/channel/consumer.ts";
import { ZigSegment } from "../../src/native/segment.ts";
import type { ChannelPort } from "../../src/native/core.ts";
import { ZigChannel } from "../../src/native/channel.ts";
import { zigCore } from "../support/cores.ts";
import { within } from "../support/wait.ts";

/** Two ends of one channel: slots 0 and 1. */
function twoEnds(): [ChannelPort, ChannelPort] {
  const segment = zigCore!.openSegment({ descriptor: undefined, slot: 0 });
  if (!(segment instanceof ZigSegment)) throw new Error("not the Zig core");
  const { native, handle } = segment;
  native.robyn_segment_claim_slot(handle, 1);
  const now = () => segment.now();
  const ends = [0, 1].map((slot) => new ZigChannel({ native, handle, slot, now }, "events", 100));
  return [ends[0]!, ends[1]!];
}

const options = { batch: 10, delay: 0, ring: () => {}, keepsAlive: true };

test.skipIf(zigCore === undefined)(
  "of two that stop at the same time, one stays until nothing is left",
  async () => {
    const [one, two] = twoEnds();
    one.send("1");
    expect(one.lease()).toBe(true);
    expect(two.lease()).toBe(false);
    let otherStays: boolean | undefined;
    const port = interleaved(one, () => {
      // The other one stops in the middle of our decision: lets go and looks, as we do.
      two.release();
      otherStays = !two.hasRival();
    });
    const consumer = new Consumer({ ...options, port });
    consumer.stop();
    const batch = await within("the decision", consumer.next());
    expect({ weStay: batch !== undefined, otherStays }).toEqual({
      weStay: false,
      otherStays: true,
    });
  },
);

test.skipIf(zigCore === undefined)(
  "who is left alone while it stops takes the rest itself",
  async () => {
    const [one, two] = twoEnds();
    one.send("1");
    one.send("2");
    expect(one.lease()).toBe(true);
    const consumer = new Consumer({ ...options, port: two });
    consumer.stop();
    expect(await within("the other to be seen", consumer.next())).toBeUndefined();
    one.release();
    const last = new Consumer({ ...options, port: two });
    last.stop();
    expect(await within("the rest", last.next())).toEqual(["1", "2"]);
    expect(await within("the end", last.next())).toBeUndefined();
    expect(two.counts()).toMatchObject({ sent: 2, acknowledged: 2, consumed: false });
  },
);

/** Does something else right after the end has looked for rivals. */
function interleaved(end: ChannelPort, meanwhile: () => void): ChannelPort {
  return new Proxy(end, {
    get(target, name: keyof ChannelPort) {
      const method = target[name].bind(target);
      if (name !== "hasRival") return method;
      return () => {
        const answer = target.hasRival();
        meanwhile();
        return answer;
      };
    },
  });
}
