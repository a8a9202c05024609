/** The files that the `static` plans serve: made once, and kept. */
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../subjects.ts";

const sizes: Readonly<Record<string, number>> = { "1k.txt": 1_024, "1m.txt": 1_048_576 };

/** @returns the directory of the files, which are there. */
export function filesDirectory(): string {
  const directory = join(cacheDirectory, "files");
  mkdirSync(directory, { recursive: true });
  for (const name of Object.keys(sizes)) {
    const path = join(directory, name);
    const content = contentOf(name);
    if (existsSync(path) && readFileSync(path, "latin1") === content) continue;
    writeFileSync(path, content);
    // A file that has just been written is not yet trusted by caches, ours among them: no user's file is that new.
    utimesSync(path, new Date("2026-01-01"), new Date("2026-01-01"));
  }
  return directory;
}

/** @returns what the file of this name holds: lines of text, each with its own number. */
export function contentOf(name: string): string {
  const size = sizes[name];
  if (size === undefined) throw new TypeError(`There is no file "${name}"`);
  const lines = Array.from({ length: size / 16 }, (_, index) => `${index}`.padStart(15, "."));
  return `${lines.join("\n")}\n`;
}
