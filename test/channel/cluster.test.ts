/** Channels between processes: the consumer moves, nothing accepted is lost, waiting costs nothing. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TestCluster } from "../support/segment-cluster.ts";
import { hasZigCore } from "../support/native.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { until } from "../support/wait.ts";
import { killAndCount } from "./kill.ts";
import { openLedger } from "./ledger.ts";

setDefaultTimeout(60_000);
const script = "test/channel/listener.ts";
const patience_ms = 20_000;
const isPossible = hasZigCore && process.platform === "linux";
const clusters: TestCluster[] = [];

afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster[Symbol.asyncDispose]();
});

function makeCluster() {
  const cluster = new TestCluster();
  clusters.push(cluster);
  return { cluster, ledger: openLedger(cluster.folder.path) };
}

describe.skipIf(!isPossible)("between processes", () => {
  test("many producers, one consumer: everything arrives once, in order per producer", async () => {
    const { cluster, ledger } = makeCluster();
    cluster.start(9, script, ["consume"]);
    for (const life of [0, 1, 2]) cluster.start(life, script, ["produce", String(life), "3000"]);
    const received = () => [0, 1, 2].map((life) => ledger.received[life]);
    await until(
      () => `${received()}`,
      () => received().every((n) => n === 3_000),
      patience_ms,
    );
    expect([...ledger.faults.slice(0, 3), ...ledger.repeated.slice(0, 3)]).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
  });

  test("a producer waits while nobody consumes, and goes on when somebody does", async () => {
    const { cluster, ledger } = makeCluster();
    const producer = cluster.start(0, script, ["produce", "0", "2000"]);
    await until("the channel to be full", () => ledger.tried[0] === 501, patience_ms);
    expect(ledger.accepted[0]).toBe(500);
    const before = cpuOf(producer.process.pid);
    await Bun.sleep(1_000);
    // Four looks a second, each a few microseconds; compiling in the background may still end in it.
    expect(cpuOf(producer.process.pid) - before).toBeLessThan(100);
    expect(ledger.tried[0]).toBe(501);
    cluster.start(1, script, ["consume"]);
    await until("all", () => ledger.received[0] === 2_000, patience_ms);
    expect(await producer.process.exited).toBe(0);
  });

  test("the consumer lets go on SIGTERM and another one goes on, without a repetition", async () => {
    const { cluster, ledger } = makeCluster();
    const first = cluster.start(1, script, ["consume"]);
    cluster.start(0, script, ["produce", "0", "60000"]);
    await until("some", () => ledger.received[0]! > 1_000, patience_ms);
    const second = cluster.start(2, script, ["consume"]);
    await Bun.sleep(1);
    expect(await cluster.end(first, "SIGTERM")).toBe(0);
    await until("all", () => ledger.received[0] === 60_000, patience_ms);
    expect([ledger.faults[0], ledger.repeated[0]]).toEqual([0, 0]);
    // The last one: nobody takes over, so it finishes, then ends.
    expect(await cluster.end(second, "SIGTERM")).toBe(0);
  });

  test("consumers that all stop at once leave nothing behind", async () => {
    const { cluster, ledger } = makeCluster();
    for (let round = 0; round < 6; round++) {
      const producer = cluster.start(0, script, ["produce", String(round), "500"]);
      expect(await producer.process.exited).toBe(0);
      await cluster.end(producer, "SIGTERM");
      const consumers = [1, 2, 3].map((slot) => cluster.start(slot, script, ["consume"]));
      await until("a consumer", () => ledger.received[round]! > 0, patience_ms);
      await Promise.all(consumers.map((consumer) => cluster.end(consumer, "SIGTERM")));
      expect([ledger.received[round], ledger.faults[round]]).toEqual([500, 0]);
    }
  });

  test("kill -9 of producers and consumers loses nothing, repeats only what was not acknowledged", async () => {
    const seed = seedOfRun();
    console.log(`channel kills: ROBYN_SEED=${seed}`);
    const { accepted, lives } = await killAndCount(50, createRandom(seed));
    expect(lives).toBeGreaterThan(10);
    expect(accepted).toBeGreaterThan(lives);
  });
});

/** Milliseconds of processor time: user and system, from /proc in hundredths of a second. */
function cpuOf(pid: number): number {
  const { readFileSync } = require("node:fs") as typeof import("node:fs");
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
