/** Where the clusters of a user keep their sockets: a folder that nobody else may enter. */
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RobynError } from "../errors.ts";

/**
 * In a folder that others may write to, someone else may have made it first: then it is refused.
 *
 * @throws RobynError ROBYN_PRIMARY_NOT_FOUND
 */
export function privateFolder(): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(process.env.XDG_RUNTIME_DIR || tmpdir(), `robyn-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  const isFolder = lstatSync(folder).isDirectory();
  if (isFolder && uid === user && (mode & 0o077) === 0) return folder;
  throw new RobynError(
    "ROBYN_PRIMARY_NOT_FOUND",
    `${folder} is not a folder of this user alone.`,
    "Remove it, or set XDG_RUNTIME_DIR to a folder of your own.",
  );
}

const busFolder = /^(\d+)\.bus$/;

/** For the sockets between the listeners of this primary; removed when it exits. One that was killed leaves it to the next. */
export function makeBusFolder(): string {
  const parent = privateFolder();
  for (const name of readdirSync(parent)) {
    const owner = busFolder.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `${process.pid}.bus`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another user has the number: the folder is nobody's, but which one it is cannot be told.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
