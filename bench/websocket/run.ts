/**
 * `bun bench/websocket/run.ts [rounds] [seconds]`: WebSockets of robyn beside those of bare Bun, in turns. The ratio of
 * the medians is what counts; the figures belong to this machine and this hour.
 */
import { join } from "node:path";
import { moveToDriverProcessor } from "../harness/machine.ts";
import { startServer } from "../harness/server.ts";
import { echo, publish, type Sample } from "./load.ts";

export const loads = [
  { name: "echo, 64 connections", run: echo, connections: 64 },
  { name: "publish to 1,000 subscribers", run: publish, connections: 1_000 },
] as const;

const subjects = ["bare", "robyn"] as const;
type Subject = (typeof subjects)[number];

export async function sample(
  subject: Subject,
  load: (typeof loads)[number],
  seconds: number,
  connections: number = load.connections,
): Promise<Sample> {
  const server = await startServer([process.execPath, join(import.meta.dir, `${subject}.ts`)]);
  try {
    return await load.run(server, connections, seconds);
  } finally {
    await server.stop();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!;
}

if (import.meta.main) {
  const [rounds = 5, seconds = 3] = process.argv.slice(2).map(Number);
  moveToDriverProcessor();
  console.log("| load | subject | messages/s | server µs/message |\n|---|---|---|---|");
  for (const load of loads) {
    const samples: Record<Subject, Sample[]> = { bare: [], robyn: [] };
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? subjects : subjects.toReversed();
      for (const subject of order) samples[subject].push(await sample(subject, load, seconds));
    }
    const of = (subject: Subject, key: keyof Sample) =>
      median(samples[subject].map((it) => it[key]));
    for (const subject of subjects)
      console.log(
        `| ${load.name} | ${subject} | ${Math.round(of(subject, "rate"))} | ${of(subject, "cost").toFixed(2)} |`,
      );
    const ratios = [
      of("robyn", "rate") / of("bare", "rate"),
      of("bare", "cost") / of("robyn", "cost"),
    ];
    console.log(
      `| ${load.name} | robyn : bare | ${ratios.map((it) => it.toFixed(3)).join(" | ")} |`,
    );
  }
}
