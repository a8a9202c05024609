/** Installs what the asked-for subjects need, once; what cannot be had is a reason in the table, not an error. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchDirectory, python, type Subject } from "../subjects.ts";
import { prepareCore } from "./core.ts";
import { reasonOf } from "./reason.ts";

const requirements = join(benchDirectory, "python/requirements.txt");
const pythonReady = join(benchDirectory, ".venv/ready");

const reasons = new Map<string, string | undefined>();

/** @returns why a subject cannot run here, or undefined if it can. */
export function obstacleOf(subject: Subject): string | undefined {
  if (subject.ofCore) return once("core", prepareCore);
  if (subject.packages) {
    const obstacle = once("packages", installPackages);
    if (obstacle !== undefined) return obstacle;
  }
  if (subject.runtime === "node") {
    return Bun.which("node") === null ? "node is not installed" : undefined;
  }
  return subject.runtime === "python" ? once("python", installPython) : undefined;
}

/** The packages in bench/package.json, exactly as its lock file names them; next to nothing if they are there. */
export function installPackages(): string | undefined {
  return install("the peers", [process.execPath, "install", "--frozen-lockfile"]);
}

function installPython(): string | undefined {
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(pythonReady) && readFileSync(pythonReady, "utf8") === wanted) return undefined;
  if (Bun.which("python3") === null) return "python3 is not installed";
  const obstacle =
    install("a Python environment", ["python3", "-m", "venv", ".venv"]) ??
    install("the Python peers", [python, "-m", "pip", "install", "-q", "-r", requirements]);
  if (obstacle === undefined) writeFileSync(pythonReady, wanted);
  return obstacle;
}

function install(what: string, command: string[]): string | undefined {
  console.error(`bench: ${what} …`);
  const { exitCode, stderr } = Bun.spawnSync(command, {
    cwd: benchDirectory,
    stdout: "ignore",
    stderr: "pipe",
  });
  if (exitCode === 0) return undefined;
  const why = stderr.toString().trim().split("\n").at(-1)?.slice(0, 120) ?? "";
  return reasonOf(`${what} cannot be had: ${why}`);
}

function once(name: string, prepare: () => string | undefined): string | undefined {
  if (!reasons.has(name)) reasons.set(name, prepare());
  return reasons.get(name);
}
