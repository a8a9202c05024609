/** Whether the Zig core is there, for tests that are about it. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export const projectRoot: string = join(import.meta.dir, "..", "..");

/** The test command builds the library first; a bare `bun test` in a fresh clone has none. */
export const hasZigCore: boolean = findLibrary();

function findLibrary(): boolean {
  try {
    const prefix = `robyn-${process.platform}-${process.arch}.`;
    return readdirSync(join(projectRoot, "zig-out", "lib")).some((it) => it.startsWith(prefix));
  } catch {
    return false;
  }
}
