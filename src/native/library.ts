/// <reference path="./library-files.d.ts" />
/**
 * Finds, opens and checks the shared library. The only file that imports `bun:ffi`.
 *
 * Bun marks `bun:ffi` as experimental; all of it is behind this file, so a move to Node-API replaces one file.
 * Where the library is missing, cannot be opened or does not fit, `openLibrary` says why and the portable core
 * takes over (`src/native/load.ts`).
 */
import { dlopen, type Library, type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { limits } from "../limits.ts";
import { abiVersion, sizes, status, symbols } from "./symbols.ts";

export type NativeSymbols = Library<typeof symbols>["symbols"];

/** Path of the library for this platform; inside a compiled binary it is a virtual one. */
export const libraryPath: string | undefined = await locate();

/**
 * Opens the library at `path` and compares its version and its manifest with this package.
 *
 * @throws Error with one sentence that names the path tried.
 */
export function openLibrary(path: string | undefined): NativeSymbols {
  if (path === undefined) {
    throw new Error(
      `there is no library for ${process.platform}-${process.arch} in zig-out/lib; build it with "bun native/build.ts"`,
    );
  }
  const native = open(path);
  const version = native.robyn_abi_version();
  if (version !== abiVersion) {
    throw new Error(
      `${path} has the ABI version ${version}, this package needs ${abiVersion}; rebuild it with "bun native/build.ts"`,
    );
  }
  checkManifest(path, readManifest(path, native));
  return native;
}

/**
 * Memory that both languages write to. It stands over an explicit `ArrayBuffer`: the address of a small typed array
 * moves the first time its `.buffer` is touched, and native code would go on writing to the abandoned copy.
 */
export function allocateShared(bytes: number): { buffer: ArrayBuffer; pointer: Pointer } {
  const buffer = new ArrayBuffer(bytes);
  return { buffer, pointer: ptr(buffer) };
}

/** Node's and Bun's `Buffer` have these methods; the type packages leave them out. */
export interface TextBuffer extends Buffer<ArrayBuffer> {
  /** @returns bytes written; stops at the end of the buffer. */
  utf8Write(text: string, offset: number): number;
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

export function textBuffer(buffer: ArrayBuffer): TextBuffer {
  return Buffer.from(buffer) as TextBuffer;
}

/** Pointers are numbers on every platform that we build for; the type allows bigint. */
export function requireHandle(handle: Pointer | bigint | null, symbol: string): Pointer {
  if (typeof handle === "number") return handle;
  throw new Error(`${symbol}: out of memory`);
}

/** A view of native memory; valid only as long as its owner lives. */
export function viewMemory(address: number, length: number): Uint8Array {
  if (length === 0) return new Uint8Array(0);
  return new Uint8Array(toArrayBuffer(address as Pointer, 0, length));
}

/**
 * One static import per platform, so that `bun build --compile` embeds the one that fits its target. The arguments
 * must be literals and the condition must be one that the bundler can fold.
 */
async function locate(): Promise<string | undefined> {
  const override = process.env.ROBYN_LIBRARY;
  if (override !== undefined && override !== "") return override;
  // In a checkout the file is where it was built; the imports below say the same, at 6 ms more.
  const built = Bun.fileURLToPath(new URL(`../../zig-out/lib/${libraryName()}`, import.meta.url));
  // Not by `existsSync`: in an app that needs it for nothing else, `node:fs` is 2 ms of start-up.
  if (!Bun.isStandaloneExecutable && Bun.file(built).size > 0) return built;
  try {
    if (process.platform === "linux" && process.arch === "x64") {
      return (await import("../../zig-out/lib/robyn-linux-x64.so", { with: { type: "file" } }))
        .default;
    }
    if (process.platform === "linux" && process.arch === "arm64") {
      return (await import("../../zig-out/lib/robyn-linux-arm64.so", { with: { type: "file" } }))
        .default;
    }
    if (process.platform === "darwin" && process.arch === "arm64") {
      return (
        await import("../../zig-out/lib/robyn-darwin-arm64.dylib", { with: { type: "file" } })
      ).default;
    }
    if (process.platform === "darwin" && process.arch === "x64") {
      return (await import("../../zig-out/lib/robyn-darwin-x64.dylib", { with: { type: "file" } }))
        .default;
    }
  } catch {
    // Not built: openLibrary says so when a core is asked for.
  }
  return undefined;
}

function libraryName(): string {
  return `robyn-${process.platform}-${process.arch}.${process.platform === "darwin" ? "dylib" : "so"}`;
}

function open(path: string): NativeSymbols {
  return Bun.isStandaloneExecutable ? openEmbedded(path) : dlopen(path, symbols).symbols;
}

/**
 * A library inside a compiled binary must be written out before it can be opened. Bun would leave its copy in the
 * temp directory under a name that anybody can predict; ours lives in a private directory and is removed as soon as
 * it is mapped.
 */
function openEmbedded(path: string): NativeSymbols {
  const { mkdtempSync, readFileSync, rmSync, writeFileSync } =
    require("node:fs") as typeof import("node:fs");
  const { tmpdir } = require("node:os") as typeof import("node:os");
  const { join } = require("node:path") as typeof import("node:path");
  const directory = mkdtempSync(join(tmpdir(), "robyn-"));
  try {
    const copy = join(directory, "core");
    writeFileSync(copy, readFileSync(path), { mode: 0o700 });
    return dlopen(copy, symbols).symbols;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Manifest {
  readonly limits: Readonly<Record<string, number>>;
  readonly sizes: Readonly<Record<string, number>>;
}

function readManifest(path: string, native: NativeSymbols): Manifest {
  const capacity = 8_192;
  const text = allocateShared(capacity);
  const written = allocateShared(8);
  const result = native.robyn_manifest(text.pointer, capacity, written.pointer);
  const length = new Uint32Array(written.buffer)[0] ?? 0;
  try {
    if (result !== status.ok) throw new Error(`status ${result}`);
    return JSON.parse(new TextDecoder().decode(new Uint8Array(text.buffer, 0, length)));
  } catch (cause) {
    throw new Error(
      `the manifest of ${path} cannot be read; rebuild it with "bun native/build.ts"`,
      { cause },
    );
  }
}

function checkManifest(path: string, manifest: Manifest): void {
  const pairs = [
    ...Object.entries(limits).map(([name, value]) => [name, manifest.limits[name], value] as const),
    ...Object.entries(sizes).map(([name, value]) => [name, manifest.sizes[name], value] as const),
  ];
  for (const [name, given, expected] of pairs) {
    if (given === expected) continue;
    throw new Error(
      `${path} has ${name} = ${given}, this package has ${expected}; rebuild it with "bun native/build.ts"`,
    );
  }
}
