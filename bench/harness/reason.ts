/** Why there is no figure, in one line fit for a results file that others read. */
import { join } from "node:path";
import { benchDirectory } from "../subjects.ts";

const root = join(benchDirectory, "..");

export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // Where this checkout lies and where packages came from is nobody else's business.
  return text.replaceAll(root, ".").replaceAll(/\bhttps?:\/\/(?!127\.0\.0\.1)\S+/g, "…");
}
