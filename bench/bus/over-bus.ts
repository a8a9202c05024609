/**
 * Four listeners in four processes, each publishing to the three others: `bun over-bus.ts <flood|paced> <seconds>` prints
 * one line of JSON. A message goes from `Hub.publish` to the `Hub.deliver` of every other process; what Bun's topics do
 * with it from there is measured by bench/websocket.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Exchange } from "../../src/cluster/exchange.ts";
import { Hub } from "../../src/websocket/hub.ts";
import { checkTopicSettings, checkWebSocketSettings } from "../../src/websocket/settings.ts";
import { silentLogger } from "../../test/support/log.ts";
import { latencyRate, now, paced, type Result } from "../channel/messages.ts";
import { Arrivals, type Heard, makeText } from "./arrivals.ts";

const processes = 4;
const [mode = "flood", duration = "1", place = "", slot = ""] = process.argv.slice(2);
const seconds = Number(duration);
const isFlood = mode === "flood";

if (slot === "") await own();
else await publish(place, Number(slot));
process.exit(0);

async function own(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "robyn-bench-bus-"));
  const heard: Heard[] = [];
  const complete = Promise.withResolvers<void>();
  let joined = 0;
  const children = Array.from({ length: processes }, (_, index) =>
    Bun.spawn([process.execPath, import.meta.path, mode, duration, directory, String(index)], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc(message: "joined" | Heard) {
        if (message !== "joined") {
          if (heard.push(message) === processes) complete.resolve();
        } else if (++joined === processes) for (const child of children) child.send("go");
      },
    }),
  );
  const ended = Promise.race(children.map((child) => child.exited));
  await Promise.race([complete.promise, ended]);
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true });
  if (heard.length < processes) throw new Error("a listener ended without a report");
  console.log(JSON.stringify(toResult(heard)));
}

/** Every message arrives three times, and each listener hears three quarters of all. */
function toResult(heard: readonly Heard[]): Result {
  const latencies = Float64Array.from(heard.flatMap((it) => it.latencies)).sort();
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  const arrivals = heard.reduce((sum, { perSecond }) => sum + perSecond, 0);
  return {
    messagesPerSecond: arrivals / (processes - 1),
    p50Microseconds: at(0.5),
    p99Microseconds: at(0.99),
  };
}

async function publish(directory: string, own: number): Promise<void> {
  const hub = new Hub(checkWebSocketSettings({}), checkTopicSettings({}));
  const exchange = new Exchange({ directory, slot: own }, silentLogger);
  // Of what a machine that is busy with other things carries, the smaller part.
  const warmUp = Math.ceil(seconds * (isFlood ? 10_000 : 1_000));
  const arrivals = new Arrivals({ warmUp, keeps: isFlood ? 100 : 1 });
  hub.wants = () => true;
  hub.deliver = (_, payload) => arrivals.add(String(payload));
  await exchange.open();
  exchange.attach(hub);
  while (exchange.peers < processes - 1) await Bun.sleep(1);
  const { promise: told, resolve } = Promise.withResolvers<void>();
  process.on("message", resolve);
  process.send?.("joined");
  await told;
  let count = 0;
  const send = () => hub.publish("bench", makeText(own, count++, now()));
  if (isFlood) {
    for (let end = performance.now() + seconds * 1e3; performance.now() < end;) {
      for (let turn = 0; turn < 100; turn++) send();
      // The others are heard in between: whoever only speaks fills their queues.
      await new Promise((next) => setImmediate(next));
    }
  } else await paced(seconds, latencyRate / processes, send);
  hub.publish("bench", `${own}:end:${count}`);
  await arrivals.complete(processes - 1);
  if (exchange.dropped > 0) throw new Error(`${exchange.dropped} messages were dropped`);
  process.send?.(arrivals.heard());
  // Ended by the first process: what it was told is still on its way.
  await new Promise(() => setInterval(() => {}, 1_000));
}
