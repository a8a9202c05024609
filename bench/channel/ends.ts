/** Both ends of a channel, each in a process of a `TestCluster`, whatever joins them. */
import type { Channel } from "../../src/channel/channel.ts";
import { Channels } from "../../src/channel/channels.ts";
import { Exchange } from "../../src/cluster/exchange.ts";
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { silentLogger } from "../../test/support/log.ts";
import { doorbellVariable } from "../../test/support/segment-cluster.ts";
import { type End, makeEnd, makeMessage, Meter, type Message, paced } from "./messages.ts";

export type BenchChannel = Channel<Message | End>;

/** The channels of this process, woken through the bus of its cluster. */
export async function openChannels(): Promise<Channels> {
  const place = takeSegmentPlace();
  const segment = loadCore("zig", silentLogger).openSegment(place);
  const channels = new Channels({ segment: () => segment, logger: () => silentLogger });
  const directory = process.env[doorbellVariable] ?? "";
  const exchange = new Exchange({ directory, slot: place.slot }, silentLogger);
  channels.connect(exchange);
  await exchange.open();
  return channels;
}

export interface Production {
  readonly seconds: number;
  /** Messages per second; undefined: as many as it takes. */
  readonly rate: number | undefined;
  /** Behind 256 messages as fast as possible. */
  readonly breathe?: () => Promise<unknown>;
}

/** Never resolves: whoever started it ends it, because what was sent last is still on its way. */
export async function produce(
  channel: BenchChannel,
  { seconds, rate, breathe }: Production,
): Promise<never> {
  const send = () => channel.send(makeMessage());
  if (rate !== undefined) await paced(seconds, rate, send);
  for (let end = performance.now() + seconds * 1e3; !rate && performance.now() < end;) {
    for (let count = 0; count < 256; count++) await send();
    await breathe?.();
  }
  await channel.send(makeEnd());
  return await new Promise<never>(() => setInterval(() => {}, 1_000));
}

/** Prints one line of JSON when everything has arrived. */
export async function consume(channel: BenchChannel, warmUpMessages: number): Promise<void> {
  const meter = new Meter(warmUpMessages);
  for await (const batch of channel) {
    for (const message of batch) {
      if (!("total" in message)) meter.add(message);
      else return console.log(JSON.stringify(meter.result(message)));
    }
  }
}
