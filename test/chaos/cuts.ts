/**
 * Two clusters in network namespaces of their own, joined by a Redis in a third one; the cable of one of them is cut and
 * healed. Nobody is told of a cut: packets vanish. Run by `test/chaos.ts`; `cuts-inside.ts` does it.
 */
import { join } from "node:path";
import type { Report } from "./report.ts";

export async function cuts(count: number): Promise<Report> {
  const inside = join(import.meta.dir, "cuts-inside.ts");
  const command = ["unshare", "-n", process.execPath, inside, String(count)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the namespace ended: ${output}`);
  const report: Report = JSON.parse(output.slice(output.indexOf("\n{") + 1));
  return report;
}
