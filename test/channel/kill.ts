/**
 * Producers and consumers of one channel, killed at random instants. The short version runs with the tests, the long
 * one in test/chaos.
 */
import { deepStrictEqual } from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";
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

/** A place for a listener, in one of the clusters. */
interface Seat {
  readonly cluster: TestCluster;
  readonly slot: number;
}

/**
 * @param redis joins two clusters; in each of them, one of the listeners hands over what the others send.
 * @throws if a message that its producer knew to be accepted is missing, out of order, or repeated after acknowledgement
 */
export async function killAndCount(
  kills: number,
  random: Random,
  redis?: string,
): Promise<Outcome> {
  using folder = temporaryFolder();
  await using made = new AsyncDisposableStack();
  const clusters = Array.from({ length: redis === undefined ? 1 : 2 }, () =>
    made.use(
      new TestCluster({
        TEST_LEDGER: folder.path,
        ...(redis !== undefined && { TEST_REDIS: redis, TEST_CLUSTER: crypto.randomUUID() }),
      }),
    ),
  );
  const seatsOf = (slots: readonly number[]): Seat[] =>
    clusters.flatMap((cluster) => slots.map((slot) => ({ cluster, slot })));
  const [producers, consumers] = [seatsOf(producerSlots), seatsOf(consumerSlots)];
  const ledger = openLedger(folder.path);
  let lives = 0;
  const life = new Map<Seat, number>();
  const running = new Map<Seat, Listener>();
  const start = (seat: Seat) => {
    const produces = producers.includes(seat);
    if (produces) life.set(seat, lives++);
    const args = produces ? ["produce", String(life.get(seat)), String(endless)] : ["consume"];
    running.set(seat, seat.cluster.start(seat.slot, script, args));
  };
  const end = (seat: Seat) => seat.cluster.end(running.get(seat)!, "SIGKILL");
  for (const seat of [...producers, ...consumers]) start(seat);
  for (let kill = 0; kill < kills; kill++) {
    // Two at a time, as a kill costs the start of a process.
    const victims = new Set([random.pick(producers), random.pick(consumers)]);
    for (const seat of victims) await hasWorked(life.get(seat), ledger, random);
    await Promise.all(
      [...victims].map(async (seat) => {
        await end(seat);
        start(seat);
      }),
    );
    kill += victims.size - 1;
  }
  // What they have sent is handed over by those who consume.
  await Promise.all(producers.map(end));
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
async function hasWorked(id: number | undefined, ledger: Ledger, random: Random): Promise<void> {
  const work = () => (id === undefined ? ledger.batches[0]! : ledger.accepted[id]!);
  const enough = work() + 1 + random.below(id === undefined ? 40 : 1_000);
  const who = id === undefined ? "a consumer" : `life ${id}`;
  await until(`work of ${who}`, () => work() >= enough, patience_ms);
}
