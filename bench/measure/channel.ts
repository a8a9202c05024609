/**
 * Messages between processes: over a channel and over Bun's IPC from one to another, over the bus from each of four to the
 * others. Not pinned: all processors have work to do.
 */
import { join } from "node:path";
import { onAllProcessors } from "../harness/machine.ts";
import { reasonOf } from "../harness/reason.ts";
import type { Options } from "../options.ts";
import { type ChannelSample, median, type Row } from "../results.ts";
import { benchDirectory } from "../subjects.ts";

interface Carrier {
  readonly label: string;
  readonly script: string;
}

const channelCarriers: readonly Carrier[] = [
  { label: "robyn channel", script: "channel/over-channel.ts" },
  { label: "Bun IPC, JSON", script: "channel/over-ipc.ts" },
];
const busCarriers: readonly Carrier[] = [{ label: "robyn bus", script: "bus/over-bus.ts" }];

type Round = ChannelSample["rounds"][number];

type Load = Pick<Options, "rounds" | "seconds">;

export function measureChannel(load: Load): Promise<Row<ChannelSample>[]> {
  return measureCarriers("channel", channelCarriers, load);
}

export function measureBus(load: Load): Promise<Row<ChannelSample>[]> {
  return measureCarriers("bus", busCarriers, load);
}

async function measureCarriers(
  name: string,
  carriers: readonly Carrier[],
  { rounds, seconds }: Load,
): Promise<Row<ChannelSample>[]> {
  const measured = carriers.map(({ label, script }) => ({ label, script, all: [] as Round[] }));
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    console.error(`bench: ${name}, round ${round + 1}`);
    for (const { label, script, all } of measured) {
      if (failed.has(label)) continue;
      try {
        const flood = await runOnce(script, "flood", seconds);
        const paced = await runOnce(script, "paced", seconds);
        // How long a message waits behind a full queue says only how long the queue is.
        all.push({ ...paced, messagesPerSecond: flood.messagesPerSecond });
      } catch (error) {
        failed.set(label, reasonOf(error));
      }
    }
  }
  return measured.map(({ label, all }): Row<ChannelSample> => {
    const reason = failed.get(label);
    if (reason !== undefined) return { state: "failed", label, reason };
    const of = (figure: keyof Round) => median(all.map((round) => round[figure]));
    return {
      state: "measured",
      label,
      messagesPerSecond: of("messagesPerSecond"),
      p50Microseconds: of("p50Microseconds"),
      p99Microseconds: of("p99Microseconds"),
      rounds: all,
    };
  });
}

async function runOnce(script: string, mode: string, seconds: number): Promise<Round> {
  const file = join(benchDirectory, script);
  const child = Bun.spawn(onAllProcessors([process.execPath, file, mode, String(seconds)]), {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NODE_ENV: "production" },
  });
  const [text, errors, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const line = text.trim().split("\n").at(-1) ?? "";
  if (exitCode !== 0 || line === "") throw new Error(errors.trim() || `${script} said nothing`);
  const round: Round = JSON.parse(line);
  if (round.messagesPerSecond > 0) return round;
  throw new Error(`${script} ${mode}: too short to measure anything: ${line}`);
}
