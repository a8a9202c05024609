/** Chooses the core: Zig where the library opens, else the portable one with one warning that says why. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Core } from "./core.ts";
import { libraryPath, openLibrary } from "./library.ts";
import { ZigResponseCache } from "./response-cache.ts";
import { ZigRouteTable } from "./route-table.ts";
import { ZigSegment } from "./segment.ts";

export type CoreChoice = "auto" | "zig" | "portable";

/**
 * @param choice `auto` falls back to the portable core, `zig` does not.
 * @throws RobynError ROBYN_NATIVE_UNAVAILABLE if `zig` was asked for and cannot be had.
 */
export function loadCore(choice: CoreChoice, logger: Logger): Core {
  if (choice === "portable") return loadPortableCore();
  try {
    return (zigCore ??= openZigCore());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (choice === "zig") {
      throw new RobynError(
        "ROBYN_NATIVE_UNAVAILABLE",
        `The Zig core could not be loaded: ${why}.`,
        'Build it for this platform, or choose core: "auto".',
        { cause: error },
      );
    }
    if (!warned)
      logger.warn(`the Zig core could not be loaded, the portable core serves instead: ${why}`);
    warned = true;
    return loadPortableCore();
  }
}

/** Loaded only where it serves: with it comes memoirist. */
function loadPortableCore(): Core {
  return (require("./portable.ts") as typeof import("./portable.ts")).portableCore;
}

let zigCore: Core | undefined;
let warned = false;

function openZigCore(): Core {
  const native = openLibrary(libraryPath);
  return {
    name: "zig",
    createRouteTable: (options) => new ZigRouteTable(native, options),
    createResponseCache: () => new ZigResponseCache(native),
    openSegment: (place, cacheBytes) => new ZigSegment(native, place, cacheBytes),
  };
}
