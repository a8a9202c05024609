/**
 * Rolling reloads under load, in a network namespace of its own: `tcp_migrate_req` is a setting of the namespace, and
 * the test must not change that of the machine. Run by `test/chaos.ts`; the process that `unshare` starts runs
 * `reloads-inside.ts`.
 */
import { join } from "node:path";
import type { Report } from "./report.ts";

/** Why there is no namespace to be had, or undefined. */
export function whyNoNamespace(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (Bun.which("unshare") === null || Bun.which("ip") === null) return "unshare or ip is missing";
  const tried = Bun.spawnSync(["unshare", "-n", "ip", "link", "set", "lo", "up"], {
    stderr: "pipe",
  });
  return tried.exitCode === 0 ? undefined : tried.stderr.toString().trim();
}

export async function reloads(count: number, migrates: boolean): Promise<Report> {
  const inside = join(import.meta.dir, "reloads-inside.ts");
  const command = ["unshare", "-n", process.execPath, inside, String(count), migrates ? "1" : "0"];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the namespace ended: ${output}`);
  const report: Report = JSON.parse(output.slice(output.indexOf("\n{") + 1));
  return report;
}
