/** How much memory a server takes while one large body comes in to disk, or goes out from it. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashOfFile, receive, send, writeBlocks } from "../harness/big-body.ts";
import { reasonOf } from "../harness/reason.ts";
import { type Server, startServer } from "../harness/server.ts";
import type { Options } from "../options.ts";
import type { BigBodySample, Row } from "../results.ts";
import { benchDirectory, cacheDirectory } from "../subjects.ts";
import { rotate } from "./http.ts";

interface Way {
  readonly label: string;
  readonly subject: "robyn" | "bare";
  readonly way: "form" | "stream" | "file";
}

const ways: readonly Way[] = [
  { label: "robyn upload", subject: "robyn", way: "form" },
  { label: "robyn upload (stream)", subject: "robyn", way: "stream" },
  { label: "bare upload (stream)", subject: "bare", way: "stream" },
  { label: "robyn download", subject: "robyn", way: "file" },
  { label: "bare download", subject: "bare", way: "file" },
];

/** It is the worst that counts, and starts differ little. */
const roundsMost = 3;

export async function measureBigBody(
  options: Pick<Options, "rounds" | "quick">,
): Promise<Row<BigBodySample>[]> {
  const mebibytes = options.quick ? 16 : 1_024;
  const samples = new Map<Way, BigBodySample[]>(ways.map((way) => [way, []]));
  const failed = new Map<Way, string>();
  for (let round = 0; round < Math.min(options.rounds, roundsMost); round++) {
    for (const way of rotate(ways, round)) {
      if (failed.has(way)) continue;
      console.error(`bench: big-body, round ${round + 1}, ${way.label}`);
      try {
        samples.get(way)?.push(await measureOnce(way, mebibytes));
      } catch (error) {
        failed.set(way, reasonOf(error));
      }
    }
  }
  return ways.map((way): Row<BigBodySample> => {
    const { label } = way;
    const reason = failed.get(way);
    if (reason !== undefined) return { state: "failed", label, reason };
    const [first, ...others] = samples.get(way) ?? [];
    if (first === undefined) return { state: "failed", label, reason: "there was no round" };
    return { state: "measured", label, ...others.reduce(worse, first) };
  });
}

/** @throws if a byte is missing or another one than was sent. */
async function measureOnce({ subject, way }: Way, mebibytes: number): Promise<BigBodySample> {
  mkdirSync(cacheDirectory, { recursive: true });
  // Not the system's directory for temporary files, which may itself be memory.
  const directory = mkdtempSync(join(cacheDirectory, "big-body-"));
  const file = join(benchDirectory, "subjects/big-body", `${subject}.ts`);
  let server: Server | undefined;
  try {
    server = await startServer([process.execPath, file, directory]);
    await transfer(server, way, directory, 1);
    const baseBytes = server.usage().residentBytes;
    const seconds = await transfer(server, way, directory, mebibytes);
    // The kernel updates the mark now and then only: it may lie a little below what is resident.
    const peakBytes = Math.max(baseBytes, server.peakBytes());
    return { bytes: mebibytes * 2 ** 20, baseBytes, peakBytes, seconds };
  } finally {
    await server?.stop();
    rmSync(directory, { recursive: true });
  }
}

/** @returns how long it took; without writing the file, and without looking at what came. */
async function transfer(
  server: Server,
  way: Way["way"],
  directory: string,
  mebibytes: number,
): Promise<number> {
  const source = join(directory, "source");
  const sent = way === "file" ? await writeBlocks(source, mebibytes) : undefined;
  const begin = performance.now();
  const moved = await (way === "file"
    ? receive(`${server.origin}/file`)
    : send(server.port, way, mebibytes));
  const seconds = (performance.now() - begin) / 1_000;
  if (moved !== (sent ?? (await hashOfFile(join(directory, "saved"))))) {
    throw new Error("wrong answer: the bytes are not those that were sent");
  }
  return seconds;
}

function worse(left: BigBodySample, right: BigBodySample): BigBodySample {
  const more = ({ baseBytes, peakBytes }: BigBodySample) => peakBytes - baseBytes;
  return more(right) > more(left) ? right : left;
}
