/**
 * One producer and one consumer in two clusters, over a channel that a Redis joins: `bun over-redis.ts <flood|paced>
 * <seconds>` prints one line of JSON. Paced are 1,000 per second. The Redis is one of its own, without persistence, or
 * with `always` as the third word one that writes everything to disk before it answers.
 */
import { joinChannels } from "../../test/support/channels.ts";
import { silentLogger } from "../../test/support/log.ts";
import { RedisServer } from "../../test/support/redis.ts";
import { TestCluster } from "../../test/support/segment-cluster.ts";
import { type BenchChannel, consume, openChannels, produce } from "./ends.ts";

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
  const channels = await openChannels();
  const { TEST_REDIS: url = "", TEST_CLUSTER: cluster } = process.env;
  await joinChannels(channels, url, silentLogger, { heartbeat: 2_000 }, cluster);
  channels.start();
  const channel: BenchChannel = channels.create("bench", {});
  const breathe = () => new Promise((resolve) => setImmediate(resolve));
  if (role === "produce")
    await produce(channel, { seconds, rate: isFlood ? undefined : rate, breathe });
  await consume(channel, isFlood ? 20_000 : 1_000);
}
