/** Inside of the network namespace: `reloads-inside.ts <count> <0 or 1 for tcp_migrate_req>`; prints a report as JSON. */
import { writeFileSync } from "node:fs";
import { clusterSource, startCluster } from "../support/cluster.ts";
import { Clients } from "../support/clients.ts";
import type { Report } from "./report.ts";

const [count = "1", migrate = "1"] = process.argv.slice(2);

Bun.spawnSync(["ip", "link", "set", "lo", "up"]);
writeFileSync("/proc/sys/net/ipv4/tcp_migrate_req", migrate);
const report = await run(Number(count), migrate === "1");
console.log(`\n${JSON.stringify(report)}`);
process.exit(0);

async function run(reloads: number, migrates: boolean): Promise<Report> {
  await using cluster = await startCluster(["--processes", "2"], clusterSource());
  await cluster.everybody(2);
  using clients = Clients.start({ port: cluster.port, keepAlive: 16, fresh: 16, perSecond: 2_000 });
  const startedAt = performance.now();
  for (let round = 1; round <= reloads; round++) {
    cluster.folder.write("app.ts", clusterSource(`version ${round}`));
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(new RegExp(`reload ${round}: done`), "stderr", 60_000);
  }
  const took_s = (performance.now() - startedAt) / 1_000;
  const { answered, failures } = await clients.stop();
  const last = await cluster.everybody(2);
  const stale = last.filter(({ version }) => version !== `version ${reloads}`);
  const ofKind = (kind: string) => failures.filter((failure) => failure.kind === kind);
  return {
    name: `${reloads} rolling reloads of two workers at 2,000 requests/s, tcp_migrate_req=${migrate}`,
    failures: [
      // Without migration the kernel resets what waits in the queue of a listener that closes; nobody can promise.
      ...(migrates ? failures : ofKind("keep-alive")).slice(0, 20).map((it) => JSON.stringify(it)),
      ...stale.map((who) => `still old: ${JSON.stringify(who)}`),
    ],
    figures: {
      answered,
      "failed, keep-alive": ofKind("keep-alive").length,
      "failed, fresh connections": ofKind("fresh").length,
      "seconds per reload": Math.round((took_s / reloads) * 100) / 100,
    },
  };
}
