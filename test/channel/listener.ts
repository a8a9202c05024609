/**
 * One listener of a test cluster, as a process: a producer that sends numbers as fast as it can, or a consumer that
 * checks them. What they did stands in a file that all of them map, so it outlives whoever is killed.
 *
 *     bun listener.ts produce <life> <count>     bun listener.ts consume
 *
 * With TEST_REDIS its cluster, TEST_CLUSTER, is joined with others; all of them write into the file in TEST_LEDGER.
 */
import { Channels } from "../../src/channel/channels.ts";
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { joinChannels } from "../support/channels.ts";
import { doorbellVariable } from "../support/segment-cluster.ts";
import { silentLogger } from "../support/log.ts";
import { SocketDoorbell } from "../support/socket-doorbell.ts";
import { openLedger } from "./ledger.ts";

const [role, life = "0", count = "0"] = process.argv.slice(2);
const directory = process.env[doorbellVariable] ?? "";
const place = takeSegmentPlace();
const segment = loadCore("zig", silentLogger).openSegment(place);
const channels = new Channels({ segment: () => segment, logger: () => silentLogger });
channels.connect(new SocketDoorbell(directory, place.slot));
const { TEST_REDIS: redis, TEST_CLUSTER: cluster, TEST_LEDGER: ledgers = directory } = process.env;
const joined = redis ? await joinChannels(channels, redis, silentLogger, {}, cluster) : undefined;
channels.start();
const channel = channels.create<{ life: number; n: number }>("events", {
  capacity: 500,
  batch: 32,
});
const ledger = openLedger(ledgers);

if (role === "produce") await produce(Number(life), Number(count));
else await consume();
await channels.stop(5_000);
await joined?.close();
// The sockets of the doorbells would keep it alive.
process.exit(0);

async function produce(id: number, total: number): Promise<void> {
  for (let n = 1; n <= total; n++) {
    ledger.tried[id] = n;
    await channel.send({ life: id, n });
    ledger.accepted[id] = n;
    if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function consume(): Promise<void> {
  const done = new Map<number, number>();
  process.on("SIGTERM", () => void channels.stop(5_000));
  for await (const batch of channel) {
    // The batch before was acknowledged when this one was asked for.
    for (const [id, n] of done) ledger.acknowledged[id] = n;
    done.clear();
    for (const { life: id, n } of batch) {
      const seen = ledger.received[id] ?? 0;
      if (n > seen + 1) ledger.faults[id]! |= 1;
      if (n <= (ledger.acknowledged[id] ?? 0)) ledger.faults[id]! |= 2;
      if (n <= seen) ledger.repeated[id]!++;
      else ledger.received[id] = n;
      // In order within the batch too, also where it is a repetition.
      if (n <= (done.get(id) ?? 0)) ledger.faults[id]! |= 4;
      done.set(id, n);
    }
    ledger.batches[0]!++;
  }
}
