/**
 * What a process has used, from /proc: exact where the kernel is exact, and no more exact than that.
 *
 * `utime` and `stime` cover all threads, ended ones included. Their sum is the scheduler's own clock, in nanoseconds,
 * cut to ticks of 10 ms. How it is split into user and system depends on the kernel: most sample it at each timer
 * interrupt (250 a second on many), so n seconds of load carry a sampling error; README.md says how large.
 */
import { readFileSync } from "node:fs";

export interface Usage {
  /** Seconds of processor time since the process began, its children included. */
  userSeconds: number;
  systemSeconds: number;
  /** Resident memory now, in bytes, its children included. */
  residentBytes: number;
}

/** `sysconf(_SC_CLK_TCK)`: 100 in the ABI of every architecture that Bun runs on. */
const ticksPerSecond = 100;

export function usageOf(pid: number): Usage {
  const total: Usage = { userSeconds: 0, systemSeconds: 0, residentBytes: 0 };
  for (const member of [pid, ...descendantsOf(pid)]) {
    // The name, in parentheses, may hold spaces; field 3 is the first after it.
    const stat = readFileSync(`/proc/${member}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    total.userSeconds += Number(fields[14 - 3]) / ticksPerSecond;
    total.systemSeconds += Number(fields[15 - 3]) / ticksPerSecond;
    const status = readFileSync(`/proc/${member}/status`, "utf8");
    total.residentBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return total;
}

/** The high-water mark that the kernel keeps of one process, in bytes: no polling could miss less. */
export function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Children and theirs: the ones of a subject that forks serve too, and have to be stopped too. */
export function descendantsOf(pid: number): number[] {
  let children: number[];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter((text) => text !== "")
      .map(Number);
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}
