/**
 * The cores that every routing test runs on. The test command builds the library first, so a missing one is a
 * mistake: `test/native/abi.test.ts` fails on `zigFailure` once, instead of every file passing on half of the cores.
 */
import type { Core } from "../../src/native/core.ts";
import { loadCore } from "../../src/native/load.ts";
import { portableCore } from "../../src/native/portable.ts";
import { silentLogger } from "./log.ts";

const loaded = loadZig();

/** The Zig core, or undefined where it could not be loaded. */
export const zigCore: Core | undefined = typeof loaded === "string" ? undefined : loaded;
/** Why it could not be loaded. */
export const zigFailure: string | undefined = typeof loaded === "string" ? loaded : undefined;

export const cores: readonly Core[] =
  zigCore === undefined ? [portableCore] : [portableCore, zigCore];

function loadZig(): Core | string {
  try {
    return loadCore("zig", silentLogger);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
