import { describe, expect, test } from "bun:test";
import { dlopen, ptr } from "bun:ffi";
import { standardMethods } from "../../src/http/method.ts";
import { verdict } from "../../src/http/path.ts";
import { reason } from "../../src/http/pattern.ts";
import { limits } from "../../src/limits.ts";
import { allocateShared, libraryPath } from "../../src/native/library.ts";
import { abiVersion, matchWords, sizes, status, symbols } from "../../src/native/symbols.ts";
import { zigFailure } from "../support/cores.ts";

test("the library of this platform is built and opens; without it these tests would cover half of the cores", () => {
  expect(zigFailure).toBeUndefined();
});

describe("the C surface", () => {
  test("has exactly the functions of the signature table", () => {
    expect(exportedNames()).toEqual(Object.keys(symbols).toSorted());
  });

  test("has the version of this package", () => {
    expect(open().robyn_abi_version()).toBe(abiVersion);
  });

  test("refuses a buffer that is too small for the manifest and says how much it needs", () => {
    const text = allocateShared(16);
    const written = allocateShared(4);
    expect(open().robyn_manifest(text.pointer, 16, written.pointer)).toBe(status.out_of_space);
    expect(new Uint32Array(written.buffer)[0]).toBeGreaterThan(16);
    expect(new Uint8Array(text.buffer)).toEqual(new Uint8Array(16));
  });

  test("answers missing arguments with a status, as JavaScript makes a null pointer of them", () => {
    const native = open();
    const scratch = allocateShared(sizes.Match);
    expect(native.robyn_table_seal(null)).toBe(status.invalid_argument);
    expect(native.robyn_table_find(null, 0, scratch.pointer, 1, scratch.pointer)).toBeLessThan(0);
    expect(native.robyn_cache_get(null, 0, 0, scratch.pointer)).toBe(status.invalid_argument);
    expect(native.robyn_manifest(null, 8_192, scratch.pointer)).toBe(status.invalid_argument);
    native.robyn_table_destroy(null);
    native.robyn_cache_destroy(null);
  });
});

describe("the manifest", () => {
  const manifest = readManifest();

  test("has the limits of src/limits.ts, and beyond them only what concerns Zig alone", () => {
    const zigOnly = [
      "const_bytes_max",
      "const_entries_max",
      "endpoint_max",
      "shape_bytes_max",
      "rate_limit_buckets_max",
      "flight_buckets_max",
      "metric_index_max",
      "metric_lines_max",
      "metric_text_words_max",
      "cache_arenas_max",
      "cache_buckets_max",
      "cache_ghosts_max",
    ];
    const shared = Object.entries(manifest.limits).filter(([name]) => !zigOnly.includes(name));
    expect(Object.fromEntries(shared)).toEqual({ ...limits });
  });

  test("has the sizes, values and methods of the TypeScript tables", () => {
    expect(manifest.sizes).toEqual({ ...sizes });
    expect(manifest.status).toEqual({ ...status });
    expect(manifest.reason).toEqual({ ...reason });
    expect(manifest.verdict).toEqual({ ...verdict, not_sealed: -6 });
    expect(manifest.methods).toEqual([...standardMethods]);
    expect(manifest.encoding).toEqual({ identity: 0, gzip: 1, br: 2, zstd: 3 });
    expect(sizes.Match).toBe(4 * (matchWords.spans + 2 * limits.params_max));
  });
});

describe("shared memory", () => {
  test.each([1, 8, 16, sizes.CacheEntry, sizes.Match, 1_000, 3 * limits.url_bytes_max])(
    "of %i bytes does not move when it is viewed or collected around",
    (bytes) => {
      const { buffer, pointer } = allocateShared(bytes);
      const view = new Uint8Array(buffer);
      view[bytes - 1] = 7;
      Bun.gc(true);
      expect(view.buffer).toBe(buffer);
      expect(ptr(buffer)).toBe(pointer);
      expect(ptr(new Uint8Array(view.buffer))).toBe(pointer);
      expect(ptr(Buffer.from(buffer))).toBe(pointer);
      expect(new Uint8Array(buffer).at(-1)).toBe(7);
    },
  );
});

interface Manifest {
  readonly limits: Readonly<Record<string, number>>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly status: Readonly<Record<string, number>>;
  readonly verdict: Readonly<Record<string, number>>;
  readonly reason: Readonly<Record<string, number>>;
  readonly encoding: Readonly<Record<string, number>>;
  readonly methods: readonly string[];
}

function readManifest(): Manifest {
  const text = allocateShared(8_192);
  const written = allocateShared(4);
  expect(open().robyn_manifest(text.pointer, 8_192, written.pointer)).toBe(status.ok);
  const length = new Uint32Array(written.buffer)[0];
  return JSON.parse(new TextDecoder().decode(new Uint8Array(text.buffer, 0, length)));
}

function open() {
  if (libraryPath === undefined) throw new Error("no library");
  return dlopen(libraryPath, symbols).symbols;
}

/** `nm` sees both directions; where it is missing, at least every function that we call must be there. */
function exportedNames(): string[] {
  if (libraryPath === undefined) throw new Error("no library");
  if (Bun.which("nm") === null || process.platform !== "linux") {
    return Object.keys(dlopen(libraryPath, symbols).symbols).toSorted();
  }
  const { stdout } = Bun.spawnSync(["nm", "-D", "--defined-only", libraryPath]);
  const names = stdout.toString().trim().split("\n");
  return names.map((line) => line.split(" ").at(-1) ?? "").toSorted();
}
