/** `bun build --compile app.ts`: one file that carries the Zig core, leaves nothing behind, and runs anywhere. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkoutFolder, type Folder, temporaryFolder } from "../support/folder.ts";
import { hasZigCore } from "../support/native.ts";
import { bun, Child, processTimeout_ms } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

const source = `import { Robyn } from "robyn";
const app = new Robyn();
app.get("/hello/:name", ({ params }) => \`Hello, \${params.name}\`);
app.get("/const", { const: true }, () => ({ status: "healthy" }));
await app.start({ port: 0 });`;

let sources: Folder;
let plain: string;

beforeAll(async () => {
  sources = checkoutFolder({ "app.ts": source });
  plain = await compile("plain");
});
afterAll(() => sources[Symbol.dispose]());

async function compile(name: string, ...flags: string[]): Promise<string> {
  const output = join(sources.path, name);
  const args = ["build", "--compile", ...flags, "app.ts", "--outfile", output];
  await using child = bun(args, { cwd: sources.path });
  const { code, stderr } = await child.ended();
  if (code !== 0) throw new Error(`bun build --compile ${flags.join(" ")}: ${stderr}`);
  return output;
}

interface Run {
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the file, asks both routes, ends it, and looks at what it left in its own folders. */
async function serveOnce(file: string, workFolder: Folder, temporary: string): Promise<Run> {
  await using child = new Child([file], { cwd: workFolder.path, env: { TMPDIR: temporary } });
  const url = `http://127.0.0.1:${await child.port()}`;
  expect(await (await fetch(`${url}/hello/a%20b`)).text()).toBe("Hello, a b");
  expect(await (await fetch(`${url}/const`)).json()).toEqual({ status: "healthy" });
  expect((await fetch(`${url}/hello/%zz`)).status).toBe(400);
  child.signal("SIGTERM");
  const { code, stdout, stderr } = await child.ended();
  expect(code).toBe(0);
  expect(readdirSync(workFolder.path)).toEqual([]);
  return { stdout, stderr };
}

/** Lines about anything but the end of the process. */
function warnings({ stderr }: Run): string[] {
  return stderr.split("\n").filter((line) => line.includes('"level":"warn"'));
}

describe.skipIf(!hasZigCore)("with the Zig core inside", () => {
  const variants: [flags: string[]][] = [[[]], [["--minify", "--bytecode", "--format=esm"]]];
  test.each(variants)("compiled with %j it runs twice and leaves nothing behind", async (flags) => {
    const file = flags.length === 0 ? plain : await compile("variant", ...flags);
    using workFolder = temporaryFolder();
    using temporary = temporaryFolder();
    for (let round = 0; round < 2; round++) {
      const run = await serveOnce(file, workFolder, temporary.path);
      expect(run.stdout).toContain(" 2 routes · zig core · ");
      expect(warnings(run)).toEqual([]);
      expect(readdirSync(temporary.path)).toEqual([]);
    }
  });
});

describe("without a temporary folder to write to", () => {
  // A folder of mode 0500 would not do: root, as whom containers often run, may write to it. Nobody may to /proc.
  test("one that does not exist: the portable core serves, with one warning", async () => {
    using workFolder = temporaryFolder();
    using temporary = temporaryFolder();
    const run = await serveOnce(plain, workFolder, join(temporary.path, "missing"));
    expect(run.stdout).toContain(" · portable core · ");
    expect(warnings(run)).toHaveLength(1);
    expect(warnings(run)[0]).toContain("the portable core serves instead");
    expect(readdirSync(temporary.path)).toEqual([]);
  });

  test.skipIf(!existsSync("/proc/self"))("one that is read-only: the same", async () => {
    using workFolder = temporaryFolder();
    const run = await serveOnce(plain, workFolder, "/proc");
    expect(run.stdout).toContain(" · portable core · ");
    expect(warnings(run)).toHaveLength(1);
  });

  test("a file in its place: the same", async () => {
    using workFolder = temporaryFolder();
    using parent = temporaryFolder();
    const run = await serveOnce(plain, workFolder, parent.write("file", ""));
    expect(run.stdout).toContain(" · portable core · ");
    expect(warnings(run)).toHaveLength(1);
  });
});

test("an app runs where code must not be generated from strings", async () => {
  using workFolder = checkoutFolder();
  const file = sources.write("strict.ts", source);
  await using child = bun(["--disallow-code-generation-from-strings", file], {
    cwd: workFolder.path,
  });
  const url = `http://127.0.0.1:${await child.port()}`;
  expect(await (await fetch(`${url}/hello/world`)).text()).toBe("Hello, world");
});

test("the flag of the test above does forbid it", async () => {
  const script =
    'try { new Function("1"); console.log("allowed") } catch { console.log("forbidden") }';
  await using child = bun(["--disallow-code-generation-from-strings", "-e", script]);
  expect((await child.ended()).stdout).toBe("forbidden\n");
});
