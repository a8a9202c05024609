/**
 * Producers and consumers of one channel, killed at random instants. The short version runs with the tests, the long
 * one in test/chaos.
 */
import { deepStrictEqual } from "node:assert/strict";
import type { Random } from "../support/random.ts";
import { type Listener, TestCluster } from "../support/segment-cluster.ts";
import { until } from "../support/wait.ts";
import { type Ledger, openLedger } from "./ledger.ts";

const script = "test/channel/listener.ts";
const producerSlots = [0, 1];
const consumerSlots = [2, 3];
const patience_ms = 30_000;
const endless = 4_000_000_000;

export interface Outcome {
  readonly accepted: number;
  readonly repeated: number;
  readonly lives: number;
}

/** @throws if a message that its producer knew to be accepted is missing, out of order, or repeated after acknowledgement */
export async function killAndCount(kills: number, random: Random): Promise<Outcome> {
  await using cluster = new TestCluster();
  const ledger = openLedger(cluster.folder.path);
  let lives = 0;
  const life = new Map<number, number>();
  const running = new Map<number, Listener>();
  const start = (slot: number) => {
    const produces = producerSlots.includes(slot);
    if (produces) life.set(slot, lives++);
    const args = produces ? ["produce", String(life.get(slot)), String(endless)] : ["consume"];
    running.set(slot, cluster.start(slot, script, args));
  };
  for (const slot of [...producerSlots, ...consumerSlots]) start(slot);
  for (let kill = 0; kill < kills; kill++) {
    // Two at a time, as a kill costs the start of a process.
    const victims = new Set([random.pick(producerSlots), random.pick(consumerSlots)]);
    for (const slot of victims) await hasWorked(slot, life, ledger, random);
    await Promise.all(
      [...victims].map(async (slot) => {
        await cluster.end(running.get(slot)!, "SIGKILL");
        start(slot);
      }),
    );
    kill += victims.size - 1;
  }
  for (const slot of producerSlots) await cluster.end(running.get(slot)!, "SIGKILL");
  const ids = Array.from({ length: lives }, (_, id) => id);
  const missing = () => ids.filter((id) => ledger.received[id]! < ledger.accepted[id]!);
  await until(
    () => `${missing().length} lives to be received`,
    () => missing().length === 0,
    patience_ms,
  );
  // One more than accepted: killed between the sending and the writing down.
  deepStrictEqual(
    ids.filter((id) => ledger.received[id]! > ledger.tried[id]!),
    [],
  );
  deepStrictEqual(
    ids.filter((id) => ledger.faults[id] !== 0),
    [],
  );
  const sum = (column: Uint32Array) => ids.reduce((total, id) => total + column[id]!, 0);
  return { accepted: sum(ledger.accepted), repeated: sum(ledger.repeated), lives };
}

/** Until it has done a random bit of work; consumers take turns, so the work of either will do. */
async function hasWorked(
  slot: number,
  life: ReadonlyMap<number, number>,
  ledger: Ledger,
  random: Random,
): Promise<void> {
  const id = life.get(slot);
  const work = () => (id === undefined ? ledger.batches[0]! : ledger.accepted[id]!);
  const enough = work() + 1 + random.below(id === undefined ? 40 : 1_000);
  await until(`work of slot ${slot}`, () => work() >= enough, patience_ms);
}
