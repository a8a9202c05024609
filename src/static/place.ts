/**
 * Where in the directory a request points to. Everything that keeps a request inside is here: what a segment may be,
 * and where symbolic links may lead.
 */
import { realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { canonicalPath, decodeValue } from "../http/path.ts";
import { isAbsence } from "../response/stored-file.ts";

export interface Place {
  /** Decoded segments below the route; none for the directory itself. */
  readonly segments: readonly string[];
  /** Whether the path ends with a slash: so directories are asked for, and files are not. */
  readonly isDirectory: boolean;
  /** The canonical path of the request, begins with exactly one slash. */
  readonly path: string;
}

/**
 * Reads the canonical path behind the `depth` segments of the route. Every segment is decoded once, after the path was
 * split, so that what it decodes to can neither split it nor be decoded again.
 *
 * @returns undefined where the answer is 404.
 */
export function placeOf(
  url: string,
  depth: number,
  dotfiles: "ignore" | "allow",
): Place | undefined {
  // Strict, whatever the routes are: here a trailing slash has a meaning.
  const path = canonicalPath(url, true);
  if (typeof path !== "string") return undefined;
  const segments = path
    .split("/")
    .slice(1 + depth)
    .map(decodeValue);
  const isDirectory = segments.at(-1) === "";
  if (isDirectory) segments.pop();
  return segments.every((segment) => isName(segment, dotfiles))
    ? { segments, isDirectory, path }
    : undefined;
}

/**
 * Whether a segment can name an entry of a directory. An empty one is none: two spellings of one file would be two
 * chances for a guard to miss one, and a path that begins with `//` must not come back in a `Location`. `\`, `:` and a
 * dot or space at the end mean something else on Windows (another directory, a drive or stream, the same name); they
 * are refused everywhere, so that an application behaves the same everywhere.
 */
export function isName(segment: string, dotfiles: "ignore" | "allow"): boolean {
  if (segment === "" || /[/\\:\0]|[. ]$/.test(segment)) return false;
  if (process.platform === "win32" && windowsDevice.test(segment)) return false;
  return dotfiles === "allow" || !segment.startsWith(".");
}

const windowsDevice = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(?:\.|$)/i;

/**
 * The path on the disk with all symbolic links resolved.
 *
 * @param root the directory, its own links resolved.
 * @returns undefined where nothing is there, or where a link leads out of the root.
 */
export function resolveInside(root: string, segments: readonly string[]): string | undefined {
  try {
    const real = realpathSync(join(root, ...segments));
    const inside = root.endsWith(sep) ? root : root + sep;
    return real === root || real.startsWith(inside) ? real : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
