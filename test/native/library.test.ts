/** A library that does not fit is never used: each way of not fitting has a sentence that names the path. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { findZig } from "../../native/build.ts";
import { limits } from "../../src/limits.ts";
import { openLibrary } from "../../src/native/library.ts";
import { abiVersion, sizes, status, symbols } from "../../src/native/symbols.ts";
import { type Folder, temporaryFolder } from "../support/folder.ts";
import { bun } from "../support/process.ts";

interface Fake {
  readonly version?: number;
  readonly manifest?: string;
  readonly manifestStatus?: number;
  readonly without?: keyof typeof symbols;
}

const manifest = { limits: { ...limits }, sizes: { ...sizes } };
const fakes = {
  fitting: { manifest: JSON.stringify(manifest) },
  newer: { version: abiVersion + 1 },
  wider: { manifest: JSON.stringify({ ...manifest, limits: { ...limits, params_max: 17 } }) },
  larger: { manifest: JSON.stringify({ ...manifest, sizes: { ...sizes, Match: 4 } }) },
  poorer: { manifest: JSON.stringify({ ...manifest, limits: {} }) },
  silent: { manifestStatus: status.out_of_space },
  garbled: { manifest: "{" },
  older: { without: "robyn_cache_get" },
} satisfies Record<string, Fake>;

let folder: Folder;

beforeAll(async () => {
  folder = temporaryFolder();
  await Promise.all(Object.entries(fakes).map(([name, fake]) => build(name, fake)));
}, 60_000);
afterAll(() => folder[Symbol.dispose]());

describe("a library", () => {
  test("that fits is opened", () => {
    expect(openLibrary(pathOf("fitting")).robyn_abi_version()).toBe(abiVersion);
  });

  test("of another version is refused with both versions, the path and the fix", () => {
    const message = messageOf("newer");
    expect(message).toStartWith(pathOf("newer"));
    expect(message).toContain(`ABI version ${abiVersion + 1}`);
    expect(message).toContain(`needs ${abiVersion}`);
    expect(message).toContain("bun native/build.ts");
  });

  test("with another limit is refused with the name and both values", () => {
    const message = messageOf("wider");
    expect(message).toStartWith(pathOf("wider"));
    expect(message).toContain("params_max = 17");
    expect(message).toContain(String(limits.params_max));
  });

  test("with another size of a struct is refused", () => {
    expect(messageOf("larger")).toContain("Match = 4");
  });

  test("that lacks a limit is refused", () => {
    expect(messageOf("poorer")).toContain("url_bytes_max = undefined");
  });

  test.each(["silent", "garbled", "older"] as const)(
    "that is %s is refused by its path",
    (name) => {
      expect(messageOf(name)).toContain(pathOf(name));
    },
  );

  test("that is no library, or not there at all, is refused by its path", () => {
    const text = folder.write("text.so", "not a library");
    expect(() => openLibrary(text)).toThrow(text);
    const missing = join(folder.path, "missing.so");
    expect(() => openLibrary(missing)).toThrow(missing);
  });

  test("that was never built for this platform is said to be missing, and how to build it", () => {
    expect(() => openLibrary(undefined)).toThrow(`${process.platform}-${process.arch}`);
    expect(() => openLibrary(undefined)).toThrow("bun native/build.ts");
  });
});

describe("an application whose library cannot be used", () => {
  const twoApps = `
    import { Robyn } from "./src/index.ts";
    for (const text of ["one", "two"]) {
      const app = new Robyn(OPTIONS).get("/:id", ({ params }) => text + params.id);
      console.log(await (await app.request("/7")).text());
    }`;

  test.each(["newer", "wider", "missing"])(
    "(%s) runs on the portable core, with one warning",
    async (name) => {
      await using child = bun(["-e", twoApps.replace("OPTIONS", "")], {
        env: { ROBYN_LIBRARY: pathOf(name) },
      });
      const { code, stdout, stderr } = await child.ended();
      expect([code, stdout]).toEqual([0, "one7\ntwo7\n"]);
      const lines = stderr.trim().split("\n");
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('"level":"warn"');
      expect(lines[0]).toContain("portable core");
      expect(lines[0]).toContain(pathOf(name));
    },
  );

  test("does not start where the Zig core was asked for", async () => {
    await using child = bun(["-e", twoApps.replace("OPTIONS", '{ core: "zig" }')], {
      env: { ROBYN_LIBRARY: pathOf("newer") },
    });
    const { code, stdout, stderr } = await child.ended();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("ROBYN_NATIVE_UNAVAILABLE");
    expect(stderr).toContain(pathOf("newer"));
  });

  test("is not even looked for where the portable core was asked for", async () => {
    await using child = bun(["-e", twoApps.replace("OPTIONS", '{ core: "portable" }')], {
      env: { ROBYN_LIBRARY: pathOf("missing") },
    });
    expect(await child.ended()).toMatchObject({ code: 0, stderr: "" });
  });
});

function pathOf(name: string): string {
  return join(folder.path, `${name}.so`);
}

function messageOf(name: keyof typeof fakes): string {
  try {
    openLibrary(pathOf(name));
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error(`the library "${name}" was taken`);
}

/** A library with our symbols and without any code behind them. */
async function build(name: string, fake: Fake): Promise<void> {
  const stubs = Object.keys(symbols)
    .filter((it) => it !== fake.without)
    .filter((it) => it !== "robyn_abi_version" && it !== "robyn_manifest")
    .map((it) => `export fn ${it}() void {}`);
  const source = folder.write(
    `${name}.zig`,
    `${stubs.join("\n")}
const text = ${JSON.stringify(fake.manifest ?? "{}")};
export fn robyn_abi_version() u32 { return ${fake.version ?? abiVersion}; }
export fn robyn_manifest(buffer: [*]u8, capacity: u32, written: *u32) i32 {
    _ = capacity;
    for (text, 0..) |byte, index| buffer[index] = byte;
    written.* = text.len;
    return ${fake.manifestStatus ?? status.ok};
}
`,
  );
  const command = [findZig(), "build-lib", "-dynamic", "-OReleaseSmall", source];
  const places = ["--cache-dir", join(folder.path, "cache"), `-femit-bin=${pathOf(name)}`];
  const child = Bun.spawn([...command, ...places], { cwd: folder.path, stderr: "pipe" });
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
}
