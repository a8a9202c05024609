/**
 * The core alone, as it was before validation, files, forms and streams: what an app that uses none of them is held
 * against. It is taken from the history of this repository and runs today's subject and today's example.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findZig } from "../../native/build.ts";
import { benchDirectory, coreDirectory } from "../subjects.ts";
import { output } from "./machine.ts";
import { reasonOf } from "./reason.ts";

/** The commit that was the core alone. */
const coreCommit = "3fbcb30";

const taken = ["src", "native", "bin", "build.zig", "build.zig.zon", "package.json"];

/** Of today: they speak only of what the core has, too. */
const ours = ["subjects/robyn.ts", "subjects/support.ts", "plan.ts", "plans.json"];

/** @returns why it cannot be had. */
export function prepareCore(): string | undefined {
  const commit = output(["git", "rev-parse", "--verify", "--quiet", `${coreCommit}^{commit}`]);
  if (!/^[0-9a-f]{40}$/.test(commit)) return `this clone has no commit ${coreCommit}`;
  const ready = join(coreDirectory, "ready");
  if (!existsSync(ready) || readFileSync(ready, "utf8") !== commit) {
    const obstacle = build(commit);
    if (obstacle !== undefined) return obstacle;
    writeFileSync(ready, commit);
  }
  for (const path of ours) {
    cpSync(join(benchDirectory, path), join(coreDirectory, "bench", path));
  }
  return undefined;
}

function build(commit: string): string | undefined {
  console.error("bench: the core alone …");
  rmSync(coreDirectory, { recursive: true, force: true });
  mkdirSync(coreDirectory, { recursive: true });
  const archive = join(coreDirectory, "core.tar");
  return (
    run(["git", "archive", "--output", archive, commit, ...taken], join(benchDirectory, "..")) ??
    run(["tar", "--extract", "--file", archive], coreDirectory) ??
    // Not by its own native/build.ts, which installs: what it imports is found in the directories above.
    run([findZig(), "build"], coreDirectory)
  );
}

function run(command: string[], cwd: string): string | undefined {
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd, stdout: "ignore", stderr: "pipe" });
  if (exitCode === 0) return undefined;
  const why = stderr.toString().trim().split("\n").at(-1)?.slice(0, 120) ?? "";
  return reasonOf(`the core alone cannot be had: ${why}`);
}
