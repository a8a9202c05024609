/**
 * How many processors this process may really use: the least of what the scheduler lets it run on (its affinity, which
 * `docker --cpuset-cpus` sets) and what the control groups above it grant it (`docker --cpus`, limits of Kubernetes).
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Machine {
  /** Processors of the affinity mask. */
  readonly affinity: number;
  /** Where `/proc` and `/sys` lie. */
  readonly root: string;
}

/** A fraction is rounded up: with a quota of 1.5, one process alone would leave a third of it unused. */
export function availableCpus(
  { affinity, root }: Machine = { affinity: navigator.hardwareConcurrency, root: "/" },
): number {
  const quotas = [...quotasOfGroups(root)];
  return Math.max(1, Math.ceil(Math.min(affinity, ...quotas)));
}

/** The quota of each control group from that of the process up to the root, which inside of a container is the container. */
function* quotasOfGroups(root: string): Generator<number> {
  for (const line of read(root, "proc/self/cgroup").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === "") {
      for (const group of upward(path)) yield quotaOfVersion2(root, group);
    } else if (controllers.split(",").includes("cpu")) {
      for (const group of upward(path)) yield quotaOfVersion1(root, controllers, group);
    }
  }
}

/** A path inside of a container may be that of the host and lead nowhere; the root is always there. */
function* upward(path: string): Generator<string> {
  for (let group = join("/", path); ; group = dirname(group)) {
    yield group;
    if (group === "/") return;
  }
}

/** `cpu.max`: "$QUOTA $PERIOD" in microseconds, or "max". */
function quotaOfVersion2(root: string, group: string): number {
  const [quota, period] = read(root, "sys/fs/cgroup", group, "cpu.max").trim().split(/\s+/);
  return ratio(quota, period);
}

/** `cpu.cfs_quota_us` is −1 without a limit. */
function quotaOfVersion1(root: string, controllers: string, group: string): number {
  for (const mount of [controllers, "cpu"]) {
    const folder = ["sys/fs/cgroup", mount, group];
    const quota = read(root, ...folder, "cpu.cfs_quota_us");
    if (quota !== "") return ratio(quota, read(root, ...folder, "cpu.cfs_period_us"));
  }
  return Infinity;
}

function ratio(quota: string | undefined, period: string | undefined): number {
  const value = Number(quota || Number.NaN) / Number(period || Number.NaN);
  return value > 0 ? value : Infinity;
}

function read(...path: string[]): string {
  try {
    return readFileSync(join(...path), "utf8");
  } catch {
    return "";
  }
}
