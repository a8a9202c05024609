/**
 * A file as it was found on the disk: its size, its validators and how to send it. Small files are kept in memory:
 * opening one for each request costs more than all the rest of the answer.
 */
import { accessSync, constants, readFileSync, type Stats, statSync } from "node:fs";
import type { Validators } from "../http/conditional.ts";

/** Largest file that is sent from memory; larger ones go from the disk to the socket without passing through here. */
const memory_bytes_max = 65_536;

/**
 * How long a file must have rested to be trusted. A clock of the file system ticks in steps of up to two seconds
 * (FAT): within one, a second change leaves the same time, and so the same tag, behind.
 */
const rest_ms = 2_000;

export interface StoredFile extends Validators {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Memory or disk; both can be sliced. */
  readonly body: Blob;
  readonly isInMemory: boolean;
  /** Whether it had rested long enough when it was read. If not, it has to be read again. */
  readonly isSettled: boolean;
  readonly stats: Stats;
}

/**
 * @returns `"directory"` for one; undefined where there is no regular file that may be read: missing, no permission, a
 * device, a pipe (reading one would wait for its writer).
 * @throws whatever else goes wrong, for instance EMFILE: that is no 404.
 */
export function openStored(path: string): StoredFile | "directory" | undefined {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return "directory";
    return stats.isFile() ? store(path, stats) : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether the file behind `path` still is the one that was stored; symbolic links are followed anew. */
export function isUnchanged({ stats }: StoredFile, path: string): boolean {
  try {
    const now = statSync(path, { throwIfNoEntry: false });
    return (
      now !== undefined &&
      now.ino === stats.ino &&
      now.dev === stats.dev &&
      now.size === stats.size &&
      now.mtimeMs === stats.mtimeMs &&
      now.ctimeMs === stats.ctimeMs
    );
  } catch {
    return false;
  }
}

function store(path: string, stats: Stats): StoredFile {
  const isInMemory = stats.size <= memory_bytes_max;
  const now = Date.now();
  let body: Blob;
  if (isInMemory) {
    body = new Blob([readFileSync(path)]);
  } else {
    accessSync(path, constants.R_OK);
    body = Bun.file(path);
  }
  const size = isInMemory ? body.size : stats.size;
  // The status change counts as well: `touch -d` and `cp -p` set the time of modification to whatever they like.
  const restedSince = Math.max(stats.mtimeMs, stats.ctimeMs) + rest_ms;
  const isSettled = size === stats.size && now >= restedSince;
  return {
    path,
    size,
    body,
    isInMemory,
    isSettled,
    stats,
    etag: entityTag(size, stats.mtimeMs, isSettled),
    // RFC 9110 §8.8.2.1: never later than the answer itself. Whole seconds, as on the wire.
    lastModified: Math.floor(Math.min(stats.mtimeMs, now) / 1_000) * 1_000,
  };
}

/**
 * Size and microseconds of the last modification: it is the same on every server that has the same copy of a file,
 * which an inode number is not, and costs no reading, which a digest would. Such a tag is strong (RFC 9110 §8.8.3)
 * only if no two versions can share it; while the file has not rested that is not known, and the tag is weak.
 */
function entityTag(size: number, mtime_ms: number, isSettled: boolean): string {
  const opaque = `"${size.toString(36)}-${Math.round(mtime_ms * 1_000).toString(36)}"`;
  return isSettled ? opaque : `W/${opaque}`;
}

const absences: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "EACCES",
  "EPERM",
  "ELOOP",
  "ENAMETOOLONG",
  "EINVAL",
  "ERR_INVALID_ARG_VALUE",
]);

/** Errors that mean: nothing is there for this client. Which of them it was is nobody's business. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && absences.has(String(error.code));
}
