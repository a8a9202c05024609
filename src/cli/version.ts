/** What `--version` prints. */
import { version } from "../../package.json" with { type: "json" };
import { libraryPath, openLibrary } from "../native/library.ts";

export function versionText(): string {
  return `robyn ${version}, Bun ${Bun.version}, ${coreText()}`;
}

function coreText(): string {
  try {
    return `zig core (ABI ${openLibrary(libraryPath).robyn_abi_version()})`;
  } catch (error) {
    return `portable core (${error instanceof Error ? error.message : error})`;
  }
}
