/**
 * One producer and one consumer in two clusters, over a channel that a Redis joins: `bun over-redis.ts <flood|paced>
 * <seconds>` prints one line of JSON. Paced are 1,000 per second. The Redis is one of its own, without persistence, or
 * with `always` as the third word one that writes everything to disk before it answers.
 */
import { Channels } from "../../src/channel/channels.ts";
import { Exchange } from "../../src/cluster/exchange.ts";
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { joinChannels } from "../../test/support/channels.ts";
import { silentLogger } from "../../test/support/log.ts";
import { RedisServer } from "../../test/support/redis.ts";
import { doorbellVariable, TestCluster } from "../../test/support/segment-cluster.ts";
import { type End, makeEnd, makeMessage, Meter, type Message, paced } from "./messages.ts";

const [mode = "flood", duration = "1", sync = "no", role = "primary"] = process.argv.slice(2);
const seconds = Number(duration);
const isFlood = mode === "flood";
const rate = 1_000;

if (role === "primary") await own();
else await join();
process.exit(0);

async function own(): Promise<void> {
  await using server = await RedisServer.start();
  if (sync === "always") {
    await server.ask("CONFIG", "SET", "appendfsync", "always");
    await server.ask("CONFIG", "SET", "appendonly", "yes");
  }
  const file = "bench/channel/over-redis.ts";
  const clusters = [0, 1].map(
    () => new TestCluster({ TEST_REDIS: server.url, TEST_CLUSTER: crypto.randomUUID() }),
  );
  await using _here = clusters[0]!;
  await using _there = clusters[1]!;
  const consumer = clusters[1]!.start(0, file, [mode, duration, sync, "consume"]);
  clusters[0]!.start(0, file, [mode, duration, sync, "produce"]);
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
  const { TEST_REDIS: url = "", TEST_CLUSTER: cluster } = process.env;
  await joinChannels(channels, url, silentLogger, { heartbeat: 2_000 }, cluster);
  channels.start();
  const channel = channels.create<Message | End>("bench", {});
  if (role === "produce") {
    const send = () => channel.send(makeMessage());
    if (!isFlood) await paced(seconds, rate, send);
    for (let end = performance.now() + seconds * 1e3; isFlood && performance.now() < end;) {
      for (let count = 0; count < 256; count++) await send();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await channel.send(makeEnd());
    // Ended by the primary: what was sent last is on its way.
    await new Promise(() => setInterval(() => {}, 1_000));
  }
  const meter = new Meter(isFlood ? 20_000 : 1_000);
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
