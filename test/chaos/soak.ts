/**
 * Many requests of every kind to a cluster of two: memory and descriptors of its workers stay where they were, every answer
 * is the right one, and the counters know each of them.
 */
import { connect } from "node:net";
import { childrenOf, startCluster } from "../support/cluster.ts";
import type { Random } from "../support/random.ts";
import { countedOf, scrape } from "../support/scrape.ts";
import { openDescriptors, privateMemory, residentMemory } from "../support/usage.ts";
import { until } from "../support/wait.ts";
import type { Report } from "./report.ts";
import { fileBytes, soakSource } from "./soak-app.ts";

const clients = 48;
const MiB = 1_048_576;

/** One kind of request: how often of a thousand, and what has to come back. Aborted ones are not answered. */
interface Kind {
  readonly share: number;
  readonly route: string;
  /** Undefined where it may be another each time. */
  readonly status: number | undefined;
  readonly isAborted: boolean;
  run(origin: string, random: Random, mistakes: string[]): Promise<void>;
}

/** @param warm requests before memory counts. */
export async function soak(count: number, warm: number, random: Random): Promise<Report> {
  await using cluster = await startCluster(["--processes", "2", "--cache-size", "2m"], soakSource);
  cluster.folder.write("file.bin", "f".repeat(fileBytes));
  await cluster.everybody(2);
  const origin = `http://127.0.0.1:${cluster.port}`;
  const workers = childrenOf(cluster.child.pid);
  const counts = new Map<Kind, number>();
  const mistakes: string[] = [];
  const wheel = kinds.flatMap((kind) => new Array<Kind>(kind.share).fill(kind));
  const idle = workers.map(openDescriptors);
  const run = async (until: number) => {
    let left = until;
    const client = async () => {
      while (left-- > 0 && mistakes.length < 20) {
        const kind = random.pick(wheel);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        await kind.run(origin, random, mistakes).catch((error: unknown) => {
          mistakes.push(`${kind.route}: ${String(error)}`);
        });
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
  };
  const startedAt = performance.now();
  await run(warm);
  const before = await atRest(workers);
  await run(count - warm);
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await atRest(workers);
  // Idle connections of the clients are closed by the server, its own timeout after their last request.
  const descriptors = await settle(workers, idle);
  const families = await scrape(origin);
  for (const [{ route, status, isAborted }, sent] of counts) {
    // Where there are several statuses (200 and 429), they are those of one kind.
    const counted = countedOf(families, route, status);
    // Where the client leaves before its request is read, nobody has seen it.
    if (isAborted ? counted > sent : counted !== sent)
      mistakes.push(`${route} ${status ?? ""}: ${counted} counted, ${sent} sent`);
  }
  const growth = sum(after.map((it, index) => it - before[index]!));
  if (growth > 32 * MiB) mistakes.push(`memory grew by ${inMiB(growth)} MiB`);
  const left = descriptors.map((it, index) => it - idle[index]!);
  if (left.some((it) => Math.abs(it) > 2)) mistakes.push(`descriptors left: ${left.join(", ")}`);
  const alive = childrenOf(cluster.child.pid).filter((pid) => workers.includes(pid));
  if (alive.length !== workers.length) mistakes.push("a worker was replaced");
  return {
    name: `${count} mixed requests to two processes`,
    failures: mistakes,
    figures: {
      "requests per second": Math.round(count / seconds),
      "memory of the workers after the first, MiB": `${before.map(inMiB).join(" + ")} (${warm} requests)`,
      "memory of the workers at the end, MiB": after.map(inMiB).join(" + "),
      "growth of both together, MiB": inMiB(growth),
      "resident with shared memory, MiB": workers.map(residentMemory).map(inMiB).join(" + "),
      "descriptors, start and end": `${idle.join(" + ")}, ${descriptors.join(" + ")}`,
    },
  };
}

const kinds: readonly Kind[] = [
  answers(300, "/users/:id", 200, (random) => [`/users/${random.below(1_000)}`]),
  answers(50, "/users/:id", 422, () => ["/users/ada"]),
  answers(150, "/orders", 201, (random) => [
    "/orders",
    json({ sku: "cup", count: 1 + random.below(9) }),
  ]),
  answers(40, "/upload", 200, (random) => ["/upload", upload(1 + random.below(100_000))]),
  answers(80, "/file", 200, () => ["/file"], fileBytes),
  answers(20, "/file", 206, () => ["/file", { headers: { range: "bytes=100-199" } }], 100),
  answers(80, "<no route>", 404, (random) => [`/nowhere/${random.below(1e9)}`]),
  answers(180, "/kept/:id", 200, (random) => [
    `/kept/${random.below(300)}`,
    { headers: { "accept-language": random.pick(["de", "en"]) } },
  ]),
  answers(2, "/forget", 200, () => ["/forget", { method: "POST" }]),
  answers(40, "/limited/:client", undefined, (random) => [`/limited/${random.below(1_000)}`]),
  answers(8, "/fails", 500, () => ["/fails"]),
  aborts(25, "/slow", 0),
  aborts(25, "/events", 1),
];

function answers(
  share: number,
  route: string,
  status: number | undefined,
  request: (random: Random) => [path: string, init?: RequestInit],
  bytes?: number,
): Kind {
  return {
    ...{ share, route, status, isAborted: false },
    async run(origin, random, mistakes) {
      const [path, init] = request(random);
      const response = await fetch(origin + path, init);
      const body = await response.arrayBuffer();
      const isExpected =
        status === undefined ? [200, 429].includes(response.status) : response.status === status;
      if (isExpected && (bytes === undefined || body.byteLength === bytes)) return;
      mistakes.push(`${path}: ${response.status}, ${body.byteLength} bytes`);
    },
  };
}

/** A client that leaves: at once, or when it has seen something of the answer. */
function aborts(share: number, route: string, after: 0 | 1): Kind {
  return {
    ...{ share, route, status: undefined, isAborted: true },
    async run(origin, random) {
      const { hostname, port } = new URL(origin);
      const socket = connect(Number(port), hostname);
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.on("error", () => resolve()).on("close", () => resolve());
      socket.write(`GET ${route} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      if (after === 0) setTimeout(resolve, random.below(20));
      else socket.once("data", () => resolve());
      await promise;
      if (random.chance(50)) socket.resetAndDestroy();
      else socket.destroy();
    },
  };
}

function json(value: object): RequestInit {
  return {
    method: "POST",
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
  };
}

function upload(bytes: number): RequestInit {
  const form = new FormData();
  form.set("file", new File([new Uint8Array(bytes)], "upload.bin"));
  return { method: "POST", body: form };
}

/** Least of several readings: what garbage a process happens to hold at one instant is no growth. */
async function atRest(workers: readonly number[]): Promise<number[]> {
  const readings: number[][] = [];
  for (let round = 0; round < 6; round++) {
    await Bun.sleep(250);
    readings.push(workers.map(privateMemory));
  }
  return workers.map((_, index) => Math.min(...readings.map((reading) => reading[index]!)));
}

async function settle(workers: readonly number[], idle: readonly number[]): Promise<number[]> {
  let now = workers.map(openDescriptors);
  await until(
    "the connections to close",
    () => {
      now = workers.map(openDescriptors);
      return now.every((it, index) => Math.abs(it - idle[index]!) <= 2);
    },
    25_000,
  ).catch(() => undefined);
  return now;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function inMiB(bytes: number): number {
  return Math.round((bytes / MiB) * 10) / 10;
}
