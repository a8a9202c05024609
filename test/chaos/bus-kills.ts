/**
 * `kill -9` of one of four listeners, again and again, while all of them publish to one topic. Subscribers on the survivors
 * hear every message of the survivors, once and in order, also of those that come later; afterwards everybody
 * knows who is subscribed.
 */
import { type Cluster, childrenOf, startCluster } from "../support/cluster.ts";
import type { Random } from "../support/random.ts";
import { until } from "../support/wait.ts";
import { percentile, type Report } from "./report.ts";

const listeners = 4;
const patience_ms = 30_000;

/** Publishes from before it serves on, about 500 messages a second, until the file `quiet` is there. */
const source = `import { existsSync } from "node:fs";
import { Robyn } from "robyn";
const app = new Robyn();
let count = 0;
let isQuiet = false;
app.websocket("/", {
  origin: "*",
  open(ws) {
    ws.send("hello " + process.pid + " " + ws.id);
    ws.subscribe("chaos", { as: process.pid });
  },
});
app.get("/count", () => ({ pid: process.pid, count, isQuiet }));
app.get("/present", () => ({ pid: process.pid, members: app.presence("chaos").members }));
app.startupHandler(() => {
  const timer = setInterval(() => {
    isQuiet = existsSync("quiet");
    if (isQuiet) return clearInterval(timer);
    for (let turn = 0; turn < 5; turn++) app.publish("chaos", process.pid + ":" + count++);
  }, 10);
});
export default app;`;

export async function busKills(kills: number, pause_ms: number, random: Random): Promise<Report> {
  await using cluster = await startCluster(["--processes", String(listeners)], source);
  const failures: string[] = [];
  const forgotten: number[] = [];
  let heard = 0;
  let clients = await everywhere(cluster, []);
  for (let kill = 0; kill < kills; kill++) {
    await Bun.sleep(pause_ms);
    const workers = childrenOf(cluster.child.pid);
    const victim = workers[random.below(workers.length)]!;
    process.kill(victim, "SIGKILL");
    const killedAt = performance.now();
    const survivors = clients.filter(({ pid }) => pid !== victim);
    for (const client of clients.filter(({ pid }) => pid === victim)) {
      failures.push(...client.failures);
      heard += client.count;
      client.end();
    }
    clients = await everywhere(cluster, survivors);
    forgotten.push(await presenceIsRight(cluster, clients, killedAt));
    for (const { isClosed, pid } of survivors)
      if (isClosed) failures.push(`a client of the survivor ${pid} was closed`);
  }
  cluster.folder.write("quiet", "");
  const counts = await finalCounts(cluster);
  await until(
    () => `the last messages; ${clients.flatMap((it) => it.missing(counts)).join("; ")}`,
    () => clients.every((it) => it.missing(counts).length === 0),
    patience_ms,
  );
  for (const client of clients) {
    failures.push(...client.failures);
    heard += client.count;
    client.end();
  }
  return {
    name: `kill -9 of one of ${listeners} listeners that publish to each other, ${kills} times`,
    failures,
    figures: {
      "messages heard": heard,
      "lost, repeated or out of order": failures.length,
      "presence right after, median ms": percentile(forgotten, 0.5),
      "presence right after, worst ms": percentile(forgotten, 1),
    },
  };
}

/** One subscriber: for every publisher, the number that has to come next. */
class Subscriber {
  readonly failures: string[] = [];
  readonly pid: number;
  readonly id: string;
  isClosed = false;
  count = 0;
  readonly #socket: WebSocket;
  readonly #next = new Map<string, number>();
  /** Publishers that it may have missed the first messages of; undefined while not all are known. */
  #before: ReadonlySet<string> | undefined;

  private constructor(socket: WebSocket, pid: number, id: string) {
    this.#socket = socket;
    this.pid = pid;
    this.id = id;
    socket.onmessage = ({ data }) => this.#hear(String(data));
    socket.onclose = () => (this.isClosed = true);
  }

  static async connect(port: number): Promise<Subscriber> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const { promise, resolve, reject } = Promise.withResolvers<Subscriber>();
    socket.onerror = () => reject(new Error("no handshake"));
    socket.onmessage = ({ data }) => {
      const [, pid = "", id = ""] = String(data).split(" ");
      resolve(new Subscriber(socket, Number(pid), id));
    };
    return await promise;
  }

  /** From now on everybody who is not among them is heard from its first message on. */
  knows(publishers: readonly number[]): void {
    this.#before ??= new Set(publishers.map(String));
  }

  missing(counts: ReadonlyMap<number, number>): string[] {
    return [...counts]
      .filter(([pid, count]) => this.#next.get(String(pid)) !== count)
      .map(
        ([pid, count]) => `${this.pid} heard ${this.#next.get(String(pid))} of ${count} of ${pid}`,
      );
  }

  end(): void {
    this.#socket.onmessage = null;
    this.#socket.close();
  }

  #hear(text: string): void {
    const [publisher = "", number = ""] = text.split(":");
    const isFirst = !this.#next.has(publisher);
    const mayBegin = isFirst && (this.#before === undefined || this.#before.has(publisher));
    const expected = this.#next.get(publisher) ?? (mayBegin ? Number(number) : 0);
    if (Number(number) !== expected)
      this.failures.push(`client of ${this.pid}: ${text} came, not ${expected}`);
    this.#next.set(publisher, Number(number) + 1);
    this.count++;
  }
}

/** As many as are missing, so that each listener has one; the kernel chooses where a connection goes. */
async function everywhere(cluster: Cluster, kept: readonly Subscriber[]): Promise<Subscriber[]> {
  const found = new Map(kept.map((it) => [it.pid, it]));
  await until(
    () => `clients on ${listeners} listeners, there are ${found.size}`,
    async () => {
      // While the dead one's connections are being reset, a handshake may fail.
      const client = await Subscriber.connect(cluster.port).catch(() => undefined);
      if (client === undefined) return false;
      if (found.has(client.pid)) client.end();
      else found.set(client.pid, client);
      return found.size === listeners;
    },
    patience_ms,
  );
  const all = [...found.values()];
  for (const client of all) client.knows([...found.keys()]);
  return all;
}

/** @returns milliseconds since the kill until every listener knew exactly the clients that are there */
async function presenceIsRight(
  cluster: Cluster,
  clients: readonly Subscriber[],
  killedAt: number,
): Promise<number> {
  const expected = clients.map(({ id, pid }) => `${id} ${pid}`).toSorted();
  const right = new Set<number>();
  let last: unknown;
  await until(
    () => `presence in all listeners, right in ${right.size}; last ${Bun.inspect(last)}`,
    async () => {
      const { pid, members } = await ask<{ pid: number; members: { id: string; as: number }[] }>(
        cluster,
        "/present",
      );
      last = members;
      const seen = members.map(({ id, as }) => `${id} ${as}`).toSorted();
      if (Bun.deepEquals(seen, expected)) right.add(pid);
      else right.delete(pid);
      return right.size === listeners;
    },
    patience_ms,
  );
  return performance.now() - killedAt;
}

interface Count {
  readonly pid: number;
  readonly count: number;
  /** Whether the timer has ended. */
  readonly isQuiet: boolean;
}

async function finalCounts(cluster: Cluster): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const quiet = new Set<number>();
  await until(
    "all listeners to be quiet",
    async () => {
      const { pid, count, isQuiet } = await ask<Count>(cluster, "/count");
      counts.set(pid, count);
      if (isQuiet) quiet.add(pid);
      return quiet.size === listeners;
    },
    patience_ms,
  );
  return counts;
}

async function ask<Answer>(cluster: Cluster, path: string): Promise<Answer> {
  const response = await fetch(cluster.url(path), { headers: { connection: "close" } });
  return (await response.json()) as Answer;
}
