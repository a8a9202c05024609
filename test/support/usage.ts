/** What processes take, as the kernel says: memory and descriptors. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** Resident bytes of a process, without what it shares with others. */
export function privateMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return (kilobytes("VmRSS") - kilobytes("RssShmem")) * 1_024;
}

/** Resident bytes of a process, memory that it shares with others included. */
export function residentMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
