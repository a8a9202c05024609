/** `kill -9` of one of two workers, again and again, under load: only what was open on that worker may fail. */
import { childrenOf, clusterSource, startCluster } from "../support/cluster.ts";
import { Clients, type Failure } from "../support/clients.ts";
import type { Random } from "../support/random.ts";
import { until } from "../support/wait.ts";
import { percentile, type Report } from "./report.ts";

interface Kill {
  readonly pid: number;
  readonly at: number;
}

/** What was opened or sent so long after a kill cannot have been the dead worker's. */
const aftermath_ms = 100;

export async function kills(count: number, random: Random): Promise<Report> {
  await using cluster = await startCluster(["--processes", "2"], clusterSource());
  await cluster.everybody(2);
  using clients = Clients.start({ port: cluster.port, keepAlive: 16, fresh: 16, perSecond: 2_000 });
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
  }
  const { answered, failures } = await clients.stop();
  const unexplained = failures.filter((failure) => !done.some((kill) => explains(kill, failure)));
  const late = respawns.filter((took) => took > 200).length;
  return {
    name: `kill -9 of one of two workers, ${count} times at 2,000 requests/s`,
    failures: unexplained.map((failure) => JSON.stringify(failure)),
    figures: {
      answered,
      "failed, open on the killed worker": failures.length - unexplained.length,
      "failed otherwise": unexplained.length,
      "respawn to first answer, median ms": percentile(respawns, 0.5),
      "respawn to first answer, p99 ms": percentile(respawns, 0.99),
      "respawns above 200 ms": late,
    },
  };
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
