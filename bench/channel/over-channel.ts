/**
 * One producer and one consumer in two processes, over a channel: `bun over-channel.ts <flood|paced> <seconds>` prints
 * one line of JSON. The primary only owns the memory.
 */
import { TestCluster } from "../../test/support/segment-cluster.ts";
import { type BenchChannel, consume, openChannels, produce } from "./ends.ts";
import { latencyRate } from "./messages.ts";

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
  const channel: BenchChannel = (await openChannels()).create("bench", {});
  if (role === "produce")
    await produce(channel, { seconds, rate: isFlood ? undefined : latencyRate });
  await consume(channel, isFlood ? 50_000 : 2_000);
}
