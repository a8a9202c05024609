/** The machine under the measurement: which processors are used for what, and what is written beside the figures. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, type } from "node:os";

export interface Machine {
  processor: string;
  processors: number;
  pinned: boolean;
  kernel: string;
  bun: string;
  node: string;
  zig: string;
  wrk: string;
  date: string;
  commit: string;
  /** Of the last minute, when asked: what else ran here. */
  loadAverage: number;
}

/** Processors this process may run on; a container often may not use number 0. */
const allowed = allowedProcessors();

/**
 * One processor serves, the other one drives: without it the scheduler moves both about and a figure says more about
 * that than about the subject.
 */
export const pinned = allowed.length >= 2 && Bun.which("taskset") !== null;

export function onServerProcessor(command: readonly string[]): string[] {
  return pinned ? ["taskset", "-c", String(allowed[0]), ...command] : [...command];
}

export function onDriverProcessor(command: readonly string[]): string[] {
  return pinned ? ["taskset", "-c", String(allowed[1]), ...command] : [...command];
}

/** What has work for several processors: without it, it would stay on that of the driver, like all that a process starts. */
export function onAllProcessors(command: readonly string[]): string[] {
  return pinned ? ["taskset", "-c", allowed.join(","), ...command] : [...command];
}

/** This process asks, waits and polls: it must not do so on the processor that serves. */
export function moveToDriverProcessor(): void {
  if (pinned) output(["taskset", "-acp", String(allowed[1]), String(process.pid)]);
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: allowed.length,
    pinned,
    kernel: `${type()} ${release()}`,
    bun: Bun.version,
    node: output(["node", "--version"]),
    zig: zigVersion(),
    wrk: /wrk \S+/.exec(output(["wrk", "--version"]))?.[0] ?? "none",
    date: new Date().toISOString(),
    commit: commit(),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/** First line of what a command prints, or "none". */
export function output(command: string[]): string {
  try {
    const { stdout, stderr } = Bun.spawnSync(command, { cwd: import.meta.dir, stderr: "pipe" });
    return (stdout.toString().trim() || stderr.toString().trim()).split("\n")[0] || "none";
  } catch {
    return "none";
  }
}

function zigVersion(): string {
  const bundled = `${import.meta.dir}/../../node_modules/.bin/zig`;
  const version = output(["zig", "version"]);
  return version === "none" ? output([bundled, "version"]) : version;
}

function commit(): string {
  const hash = output(["git", "rev-parse", "--short", "HEAD"]);
  if (!/^[0-9a-f]{7,}$/.test(hash)) return "none";
  const changed = output(["git", "status", "--porcelain", "--", "../../src", "../../native"]);
  return changed === "none" ? hash : `${hash} with changes`;
}

function allowedProcessors(): number[] {
  let list: string | undefined;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  } catch {
    return [];
  }
  return (list ?? "").split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
