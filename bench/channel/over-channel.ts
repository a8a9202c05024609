/**
 * One producer and one consumer in two processes, over a channel: `bun over-channel.ts <flood|paced> <seconds>` prints
 * one line of JSON. The primary only owns the memory.
 */
import { Channels } from "../../src/channel/channels.ts";
import { Exchange } from "../../src/cluster/exchange.ts";
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { silentLogger } from "../../test/support/log.ts";
import { doorbellVariable, TestCluster } from "../../test/support/segment-cluster.ts";
import {
  type End,
  latencyRate,
  makeEnd,
  makeMessage,
  Meter,
  type Message,
  paced,
} from "./messages.ts";

const [mode = "flood", duration = "1", role = "primary"] = process.argv.slice(2);
const seconds = Number(duration);
const isFlood = mode === "flood";

if (role === "primary") await own();
else await join();
process.exit(0);

async function own(): Promise<void> {
  await using cluster = new TestCluster();
  const file = "bench/channel/over-channel.ts";
  const consumer = cluster.start(1, file, [mode, duration, "consume"]);
  cluster.start(0, file, [mode, duration, "produce"]);
  await consumer.process.exited;
}

async function join(): Promise<void> {
  const place = takeSegmentPlace();
  const segment = loadCore("zig", silentLogger).openSegment(place);
  const channels = new Channels({ segment: () => segment, logger: () => silentLogger });
  const directory = process.env[doorbellVariable] ?? "";
  const exchange = new Exchange({ directory, slot: place.slot }, silentLogger);
  channels.connect(exchange);
  await exchange.open();
  const channel = channels.create<Message | End>("bench", {});
  if (role === "produce") {
    const send = () => channel.send(makeMessage());
    if (!isFlood) await paced(seconds, latencyRate, send);
    for (let end = performance.now() + seconds * 1e3; isFlood && performance.now() < end;) {
      for (let count = 0; count < 256; count++) await send();
    }
    await channel.send(makeEnd());
    // Ended by the primary: the doorbell of the last message is still on its way.
    await new Promise(() => setInterval(() => {}, 1_000));
  }
  const meter = new Meter(isFlood ? 50_000 : 2_000);
  for await (const batch of channel) {
    for (const message of batch) {
      if (!("total" in message)) meter.add(message);
      else {
        console.log(JSON.stringify(meter.result(message)));
        return;
      }
    }
  }
}
