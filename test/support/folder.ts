/** Folders for the length of a test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { projectRoot } from "./native.ts";

export interface Folder extends Disposable {
  readonly path: string;
  /** Writes a file, with the folders it needs, and returns its path. */
  write(name: string, text: string): string;
}

/** An empty folder outside of the checkout: nothing there resolves `robyn`. */
export function temporaryFolder(files: Readonly<Record<string, string>> = {}): Folder {
  return makeFolder(tmpdir(), files);
}

/** An empty folder inside of the checkout, where `robyn` resolves to it and no tool looks for sources. */
export function checkoutFolder(files: Readonly<Record<string, string>> = {}): Folder {
  return makeFolder(join(projectRoot, "node_modules"), files);
}

function makeFolder(parent: string, files: Readonly<Record<string, string>>): Folder {
  const path = realpathSync(mkdtempSync(join(parent, "robyn-test-")));
  const folder: Folder = {
    path,
    write(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  return folder;
}
