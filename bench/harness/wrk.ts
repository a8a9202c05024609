/** The driver: wrk with one thread, its requests rotated by rotate.lua. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Probe } from "../probes.ts";
import { onDriverProcessor } from "./machine.ts";

export interface Load {
  readonly origin: string;
  /** A file made by `withRequestsFile`. */
  readonly requestsFile: string;
  readonly seconds: number;
  readonly connections: number;
  /** Requests written at once on a connection; 1 is no pipelining. */
  readonly pipeline: number;
}

export interface LoadResult {
  requests: number;
  seconds: number;
  p50Microseconds: number;
  p99Microseconds: number;
}

const script = join(import.meta.dir, "../wrk/rotate.lua");

export const wrkMissing =
  Bun.which("wrk") === null ? "wrk is not installed: apt-get install wrk" : undefined;

/** @throws if a request failed or was answered with an error: such a run measures something else. */
export async function drive(load: Load): Promise<LoadResult> {
  const child = Bun.spawn(
    onDriverProcessor([
      "wrk",
      "--threads=1",
      `--connections=${load.connections}`,
      // wrk takes whole seconds; it ends early, with its totals, on SIGINT.
      `--duration=${Math.ceil(load.seconds)}s`,
      `--script=${script}`,
      load.origin,
      "--",
      load.requestsFile,
      String(load.pipeline),
    ]),
    { stdout: "pipe", stderr: "pipe" },
  );
  const early = Number.isInteger(load.seconds)
    ? undefined
    : setTimeout(() => child.kill("SIGINT"), load.seconds * 1_000);
  const [text, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(early);
  const line = text.split("\n").find((candidate) => candidate.startsWith("{"));
  if (line === undefined) throw new Error(`wrk: ${errors.trim() || text.trim()}`);
  const totals: Totals = JSON.parse(line);
  if (totals.requests === 0) throw new Error("no request was answered under load");
  if (totals.badStatus + totals.socketErrors > 0) {
    const { badStatus, socketErrors } = totals;
    throw new Error(`under load: ${badStatus} error answers, ${socketErrors} socket errors`);
  }
  return {
    requests: totals.requests,
    seconds: totals.microseconds / 1e6,
    p50Microseconds: totals.p50,
    p99Microseconds: totals.p99,
  };
}

/** wrk reads its requests from a file; it lives as long as `use` runs. */
export async function withRequestsFile<Result>(
  probes: readonly Pick<Probe, "path" | "sent">[],
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), "robyn-bench-"));
  try {
    const file = join(directory, "requests.txt");
    const lines = probes.map(({ path, sent }) => (sent === undefined ? path : `${path}\t${sent}`));
    writeFileSync(file, `${lines.join("\n")}\n`);
    return await use(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Totals {
  requests: number;
  microseconds: number;
  p50: number;
  p99: number;
  badStatus: number;
  socketErrors: number;
}
