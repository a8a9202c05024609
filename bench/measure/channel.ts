/** Messages between two processes: over a channel, and over Bun's IPC. Not pinned: both processors have work to do. */
import { join } from "node:path";
import { reasonOf } from "../harness/reason.ts";
import type { Options } from "../options.ts";
import { type ChannelSample, median, type Row } from "../results.ts";
import { benchDirectory } from "../subjects.ts";

const carriers = [
  { label: "robyn channel", script: "over-channel.ts" },
  { label: "Bun IPC, JSON", script: "over-ipc.ts" },
] as const;

type Round = ChannelSample["rounds"][number];

export async function measureChannel({
  rounds,
  seconds,
}: Pick<Options, "rounds" | "seconds">): Promise<Row<ChannelSample>[]> {
  const measured = carriers.map(({ label, script }) => ({ label, script, all: [] as Round[] }));
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    console.error(`bench: channel, round ${round + 1}`);
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
  const file = join(benchDirectory, "channel", script);
  const child = Bun.spawn([process.execPath, file, mode, String(seconds)], {
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
