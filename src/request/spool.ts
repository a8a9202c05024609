/** Files on disk for the length of a request, in a private directory. */
import { rmSync } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A directory that only this user can enter (0700, `mkdtemp`). `remove()` is called when the request ends; readers
 * that are still at it keep the directory until they are done. What nobody removes goes when nobody refers to it any
 * more, or with the process.
 */
export class Spool {
  readonly path: string;
  #files = 0;
  #readers = 0;
  #isOver = false;

  private constructor(path: string) {
    this.path = path;
    left.add(path);
    forgotten.register(this, path);
  }

  /** @param parent default: the system's directory for temporary files. */
  static async create(parent: string = tmpdir()): Promise<Spool> {
    return new Spool(await mkdtemp(join(parent, "robyn-upload-")));
  }

  /** A new file, which only this user can read. */
  async open(): Promise<{ path: string; file: FileHandle }> {
    const path = join(this.path, String(this.#files++));
    return { path, file: await open(path, "wx", 0o600) };
  }

  retain(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.#isOver && this.#readers === 0) removeDirectory(this.path);
  }

  /** Removes the directory, or leaves that to its last reader. */
  remove(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#readers === 0) removeDirectory(this.path);
  }
}

/** Directories that are still there; a process that ends by itself takes them along. */
const left = new Set<string>();
const forgotten = new FinalizationRegistry<string>(removeDirectory);

function removeDirectory(path: string): void {
  if (!left.has(path)) return;
  void rm(path, { recursive: true, force: true }).then(
    () => left.delete(path),
    () => {}, // tried once more at exit
  );
}

process.on("exit", () => {
  for (const path of left) rmSync(path, { recursive: true, force: true });
});
