/**
 * Slow headers, slow bodies, slow readers and stuck POSTs, many of each at once: everybody else is served as before, the slow
 * ones are gone by their deadlines, and an honest slow upload is let through.
 */
import { join } from "node:path";
import { childrenOf, type Cluster, startCluster } from "../support/cluster.ts";
import { Clients } from "../support/clients.ts";
import { RawClient, request } from "../support/raw.ts";
import { openDescriptors, residentMemory } from "../support/usage.ts";
import { until } from "../support/wait.ts";
import { percentile, type Report } from "./report.ts";

const source = `import { Robyn, serveFile } from "robyn";
const app = new Robyn({ timeout: Number(process.env.SLOW_TIMEOUT) });
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "" }));
app.get("/quick", () => "quick");
app.post("/text", async ({ text }) => (await text()).length);
const memory = new Blob([new Uint8Array(8_000_000)]);
app.get("/memory", () => new Response(memory));
app.get("/file", () => serveFile("file.bin"));
app.post("/stuck", () => new Promise(() => {}));
app.post("/upload", { uploadTimeout: 200, maxPayloadSize: 3_000_000 }, async ({ text }) => (await text()).length);
export default app;`;

export interface SlowOptions {
  /** Connections of each kind. */
  readonly count: number;
  /** Seconds of silence that a connection may have. */
  readonly keepAliveTimeout: number;
  /** Seconds that a handler has. */
  readonly timeout: number;
  /** Bytes of the honest upload, at 20 KB/s. */
  readonly upload: number;
  /** Whether to wait until those are gone that read files slowly: they have 255 s. */
  readonly waitsForReaders: boolean;
}

/** Bun looks at its timers every four seconds; a bit more on a busy machine. */
const grain_s = 6;
const slow_reader_s = 255;

export async function slow(options: SlowOptions): Promise<Report> {
  const { count, keepAliveTimeout, timeout } = options;
  await using cluster = await startCluster(["--processes", "2"], source, {
    ROBYN_KEEP_ALIVE_TIMEOUT: String(keepAliveTimeout),
    SLOW_TIMEOUT: String(timeout),
  });
  cluster.folder.write("file.bin", Buffer.alloc(8_000_000, "f").toString());
  await cluster.everybody(2);
  const workers = childrenOf(cluster.child.pid);
  const idle = sum(workers.map(openDescriptors));
  const upload = honestUpload(cluster, options.upload);
  const before = await ordinary(cluster, Bun.sleep(options.waitsForReaders ? 15_000 : 3_000));
  const resting = sum(workers.map(residentMemory));

  const openedAt = performance.now();
  const attacker = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "slow-attacker.ts"),
      String(cluster.port),
      String(count),
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const attack = new Response(attacker.stdout).text();
  let most = resting;
  const watch = setInterval(() => {
    most = Math.max(most, sum(workers.map(residentMemory)));
  }, 500);
  const longest_s = Math.max(keepAliveTimeout, timeout) + grain_s;
  const during = await ordinary(cluster, Bun.sleep(longest_s * 1_000));
  const mistakes: string[] = [];
  // Two for each file that is read slowly, socket and file; whoever was stuck had an answer and is idle after it.
  const ofReaders = 2 * count + 32;
  const left = () => sum(workers.map(openDescriptors)) - idle;
  await until(
    "all but the readers of files to be gone",
    () => left() <= ofReaders,
    (keepAliveTimeout + grain_s) * 1_000,
  ).catch(() => mistakes.push(`${left()} descriptors left where ${ofReaders} may be`));
  const leftBefore = left();
  if (options.waitsForReaders)
    await until(
      "the slow readers to be gone",
      () => left() <= 4,
      (slow_reader_s + grain_s) * 1_000 - (performance.now() - openedAt),
    ).catch(() => mistakes.push(`${left()} descriptors left`));
  const readersGone_s = Math.round((performance.now() - openedAt) / 1_000);
  clearInterval(watch);
  await attacker.stdin.end();
  const text = await attack;
  const lives: Life[] = JSON.parse(text.slice(text.indexOf("\n[") + 1));
  const limits = { "slow headers": keepAliveTimeout, "slow bodies": keepAliveTimeout };
  for (const [kind, limit] of Object.entries({ ...limits, "stuck POSTs": timeout })) {
    const life = lives.find((it) => it.kind === kind);
    if (life?.gone !== count || life.longest_s > limit + grain_s)
      mistakes.push(`${kind}: ${life?.gone} of ${count} gone, the last after ${life?.longest_s} s`);
  }
  const uploaded = await upload;
  if (uploaded !== String(options.upload))
    mistakes.push(`the honest upload was answered ${uploaded}`);
  for (const failure of [...before.failures, ...during.failures].slice(0, 10))
    mistakes.push(JSON.stringify(failure));
  const [calm, busy] = [percentile(before.latencies, 0.99), percentile(during.latencies, 0.99)];
  // A ratio of two figures of a few seconds says little on a machine that others use: the short version only reports it.
  const isWithin = busy <= 2 * Math.max(calm, 1);
  if (options.waitsForReaders && !isWithin)
    mistakes.push(`the p99 of the others went from ${calm} to ${busy} ms`);
  return {
    name: `${count} connections each of slow headers, bodies, readers of memory and of files, and stuck POSTs`,
    failures: mistakes,
    figures: {
      "others answered": `${during.answered} of ${during.answered + during.failures.length}`,
      "p50 of the others before and meanwhile, ms": `${exact(before.latencies, 0.5)}, ${exact(during.latencies, 0.5)}`,
      "p99 of the others before and meanwhile, ms": `${exact(before.latencies, 0.99)}, ${exact(during.latencies, 0.99)}`,
      "p99 meanwhile within twice": isWithin ? "yes" : "no",
      ...Object.fromEntries(
        lives
          .filter(({ gone }) => gone > 0)
          .map(({ kind, gone, longest_s: last }) => [
            `${kind}: gone, last after s`,
            `${gone}, ${last}`,
          ]),
      ),
      ...(options.waitsForReaders ? { "slow readers all gone after s": readersGone_s } : {}),
      "descriptors left before the readers of files end": leftBefore,
      "memory of both workers before and most, MiB": `${mib(resting)}, ${mib(most)}`,
      "honest upload": `${uploaded} bytes`,
    },
  };
}

interface Life {
  readonly kind: string;
  readonly gone: number;
  readonly longest_s: number;
}

/** Those who behave, as long as `time` takes. */
async function ordinary(cluster: Cluster, time: Promise<void>) {
  using clients = Clients.start({ port: cluster.port, keepAlive: 8, fresh: 8, perSecond: 400 });
  await time;
  return { ...(await clients.stop()), latencies: clients.latencies };
}

/** At 20 KB/s. @returns the body of the answer */
async function honestUpload(cluster: Cluster, bytes: number): Promise<string> {
  using client = await RawClient.connect(cluster.port);
  const rate = 20_000;
  client.send(request("POST", "/upload", { "Content-Length": String(bytes) }));
  for (let sent = 0; sent < bytes; sent += rate / 4) {
    if (client.isClosed) return `closed after ${sent} bytes`;
    client.send("u".repeat(Math.min(rate / 4, bytes - sent)));
    await Bun.sleep(250);
  }
  const { status, text } = await client.next("POST");
  return status === 200 ? text : `${status}`;
}

function exact(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return Math.round(value * 10) / 10;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function mib(bytes: number): number {
  return Math.round(bytes / 1_048_576);
}
