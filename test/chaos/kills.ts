/**
 * `kill -9` of one of two workers, again and again, under load, with a limit, kept answers and metrics: only what was open
 * on that worker may fail, and every count stays within what was answered and what was sent.
 */
import { childrenOf, type Cluster, clusterSource, startCluster } from "../support/cluster.ts";
import { Clients, type Failure } from "../support/clients.ts";
import type { Random } from "../support/random.ts";
import { countedOf, Monotony, scrape } from "../support/scrape.ts";
import { until } from "../support/wait.ts";
import { percentile, type Report } from "./report.ts";

interface Kill {
  readonly pid: number;
  readonly at: number;
}

/** What was opened or sent so long after a kill cannot have been the dead worker's. */
const aftermath_ms = 100;

const burst = 1_000_000;
const perSecond = 2_000;
const keptPaths = 50;

const source = clusterSource(
  "one",
  `// Eleven units come back in an hour: a run of chaos is much shorter than what is counted.
   const limit = { limit: 100_000, window: 31_536_000, burst: ${burst}, name: "all", by: () => "everybody" };
   app.get("/counted", { rateLimit: limit }, () => ({ pid: process.pid }));
   app.get("/kept/:id", { cache: { ttl: 1, staleWhileRevalidate: 1, tags: ["kept"] } }, async ({ params }) => {
     await Bun.sleep(2);
     return params.id.repeat(2_000);
   });
   app.post("/forget", () => { app.cache.invalidate({ tag: "kept" }); return "done"; });
   app.metrics("/metrics");`,
);

export async function kills(count: number, random: Random): Promise<Report> {
  await using cluster = await startCluster(["--processes", "2"], source);
  await cluster.everybody(2);
  const { port } = cluster;
  using clients = Clients.start({ port, keepAlive: 16, fresh: 16, perSecond, path: "/counted" });
  using readers = new Readers(cluster);
  const monotony = new Monotony();
  const done: Kill[] = [];
  const respawns: number[] = [];
  for (let round = 0; round < count; round++) {
    // Rare enough that the back-off after five deaths in ten seconds is not what is measured.
    await Bun.sleep(2_100 + random.below(400));
    const workers = childrenOf(cluster.child.pid);
    const pid = workers[random.below(workers.length)]!;
    const at = performance.now();
    process.kill(pid, "SIGKILL");
    done.push({ pid, at });
    respawns.push(
      await until("an answer of the successor", () => firstAnswer(clients, workers, at), 10_000),
    );
    monotony.look(await until("a scrape", () => scrape(cluster.url("")).catch(() => undefined)));
  }
  const { answered, failures } = await clients.stop();
  await readers.stop();
  const families = await scrape(cluster.url(""));
  monotony.look(families);
  const unexplained = failures.filter((failure) => !done.some((kill) => explains(kill, failure)));
  const late = respawns.filter((took) => took > 200).length;
  const sent = answered + failures.length;
  const charged = await chargedOf(cluster);
  const mistakes = [
    ...unexplained.map((failure) => JSON.stringify(failure)),
    ...monotony.mistakes,
    ...readers.mistakes,
    ...outside("answers counted", countedOf(families, "/counted"), answered, sent),
    // A little comes back while it runs; what passed without being charged would be far more, or seen in a short run.
    ...outside("units charged", charged, answered - count * 0.01 - 1, sent),
    ...outside(
      "kept answers counted",
      countedOf(families, "/kept/:id"),
      readers.answered,
      readers.sent,
    ),
  ];
  return {
    name: `kill -9 of one of two workers, ${count} times at ${perSecond} requests/s`,
    failures: mistakes,
    figures: {
      answered,
      "failed, open on the killed worker": failures.length - unexplained.length,
      "failed otherwise": unexplained.length,
      "counted in /metrics": countedOf(families, "/counted"),
      "charged to the limit": charged,
      "kept answers read, each whole": readers.answered,
      "counters that went back": monotony.mistakes.length,
      "respawn to first answer, median ms": percentile(respawns, 0.5),
      "respawn to first answer, p99 ms": percentile(respawns, 0.99),
      "respawns above 200 ms": late,
    },
  };
}

/** Units that the limit has charged: what is left of it after one more. */
async function chargedOf(cluster: Cluster): Promise<number> {
  const { headers } = await fetch(cluster.url("/counted"), { keepalive: false });
  const left = Number(/;r=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1]);
  return burst - left - 1;
}

function outside(what: string, is: number, least: number, most: number): string[] {
  return is >= least && is <= most ? [] : [`${what}: ${is}, not from ${least} to ${most}`];
}

/** Ask for kept answers, and hold each against what it must be; now and then one forgets them all. */
class Readers implements Disposable {
  readonly mistakes: string[] = [];
  answered = 0;
  sent = 0;
  #isStopping = false;
  readonly #done: Promise<unknown>;

  constructor(cluster: Cluster) {
    this.#done = Promise.all(Array.from({ length: 4 }, (_, index) => this.#loop(cluster, index)));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
  }

  async #loop(cluster: Cluster, reader: number): Promise<void> {
    for (let round = 0; !this.#isStopping; round++) {
      await Bun.sleep(10);
      const id = (round * 4 + reader) % keptPaths;
      const init = { keepalive: false, signal: AbortSignal.timeout(8_000) };
      if (round % 100 === 99)
        await fetch(cluster.url("/forget"), { ...init, method: "POST" }).catch(() => undefined);
      this.sent++;
      try {
        const response = await fetch(cluster.url(`/kept/${id}`), init);
        const text = await response.text();
        this.answered++;
        if (response.status !== 200 || text !== `${id}`.repeat(2_000))
          this.mistakes.push(`/kept/${id}: ${response.status} ${text.slice(0, 100)}`);
      } catch (error) {
        // Killed with its worker. One that waits for a computation that nobody makes any more is another matter.
        if (error instanceof DOMException && error.name === "TimeoutError")
          this.mistakes.push(`/kept/${id}: no answer within 8 s`);
      }
    }
  }
}

/** Milliseconds from the kill to the first answer of a process that was not there before. */
function firstAnswer(clients: Clients, before: readonly number[], at: number): number | undefined {
  for (const [pid, seenAt] of clients.firstSeen)
    if (!before.includes(pid) && seenAt > at) return seenAt - at;
  return undefined;
}

/**
 * A connection that had an answer knows its worker. One without may have been handed to the dead one by the kernel, if it was
 * opened before the kill, or so shortly after that the kernel was still closing the listener.
 */
function explains(kill: Kill, { pid, openedAt, sentAt }: Failure): boolean {
  if (sentAt > kill.at + aftermath_ms) return false;
  if (pid !== 0) return pid === kill.pid;
  return openedAt <= kill.at + aftermath_ms && openedAt > kill.at - 1_000;
}
