/** Options of `serveDirectory`, checked by name and value. */
import { RobynError } from "../errors.ts";

export interface DirectoryOptions {
  /** The file that answers for a directory. Default `index.html`. */
  index?: string;
  /** Whether a directory without index is answered with a list of its entries. Default false: 404. */
  listing?: boolean;
  /**
   * For applications that route in the browser: a navigation (GET, `Accept` with `text/html`, no extension) to what is
   * no file is answered with the index of the root. Default false.
   */
  spa?: boolean;
  /** How long clients keep files without asking. Default: not at all, they ask each time and get a 304. */
  cache?: CacheOptions;
  /** `ignore` answers 404 for every path with a segment that begins with a dot. Default `ignore`. */
  dotfiles?: "ignore" | "allow";
  /** Sends `name.zst`, `name.br` or `name.gz` in place of `name` to clients that accept it. Default false. */
  precompressed?: boolean;
  /** Asks browsers to save files instead of showing them. Default false. */
  download?: boolean;
}

export interface CacheOptions {
  /** Seconds in which a client need not ask again. Default: none. */
  maxAge?: number;
  /**
   * Files whose name changes with their content: kept for a year, never asked for again. `true` takes names with eight
   * or more lower-case hex digits before the extension, letters and numbers among them (`app-3f9a02bc.js`; a date is
   * none); a pattern decides by the name of the file. Default false.
   */
  immutable?: boolean | RegExp;
}

export type DirectorySettings = Required<Omit<DirectoryOptions, "cache">> & {
  /** `Cache-Control` for a file name. */
  readonly cacheControl: (name: string) => string;
};

/** @throws RobynError ROBYN_OPTION_INVALID */
export function resolveOptions(route: string, options: DirectoryOptions): DirectorySettings {
  const { cache = {}, ...others } = options;
  checkNames(route, "option", options, optionNames);
  checkNames(route, "cache option", cache, cacheNames);
  const settings = { ...defaults, ...given(others) };
  for (const name of ["listing", "spa", "precompressed", "download"] as const) {
    if (typeof settings[name] !== "boolean") refuse(route, name, settings[name], "true or false");
  }
  if (!isFileName(settings.index)) refuse(route, "index", settings.index, "the name of a file");
  if (!["ignore", "allow"].includes(settings.dotfiles))
    refuse(route, "dotfiles", settings.dotfiles, '"ignore" or "allow"');
  return { ...settings, cacheControl: cachePolicy(route, cache) };
}

const defaults = {
  index: "index.html",
  listing: false,
  spa: false,
  dotfiles: "ignore",
  precompressed: false,
  download: false,
} as const;

const optionNames = [...Object.keys(defaults), "cache"];
const cacheNames = ["maxAge", "immutable"];

/** RFC 9111 §5.2.2 and RFC 8246. */
function cachePolicy(route: string, { maxAge, immutable = false }: CacheOptions) {
  if (maxAge !== undefined && !(Number.isInteger(maxAge) && maxAge >= 0))
    refuse(route, "cache.maxAge", maxAge, "a whole number of seconds");
  if (typeof immutable !== "boolean" && !(immutable instanceof RegExp))
    refuse(route, "cache.immutable", immutable, "true, false or a pattern");
  // A copy without `g` and `y`: with them `test` would remember where it stopped.
  const pattern =
    immutable instanceof RegExp
      ? new RegExp(immutable.source, immutable.flags.replace(/[gy]/g, ""))
      : immutable
        ? fingerprint
        : undefined;
  const usual = maxAge === undefined ? "no-cache" : `public, max-age=${maxAge}`;
  return (name: string) =>
    pattern?.test(name) === true ? "public, max-age=31536000, immutable" : usual;
}

/**
 * Hex only, and not digits only: `chapter-overview.html` and `report-20261121.pdf` must not be kept for a year. A
 * fingerprint that is missed, one in forty of eight digits, is asked for again: slower, never wrong.
 */
const fingerprint = /[-._](?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\.[^.]+(?:\.map)?$/;

function isFileName(value: unknown): value is string {
  return typeof value === "string" && /^[^/\\\0]+$/.test(value) && !/^\.{1,2}$/.test(value);
}

function given(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function checkNames(route: string, what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `serveDirectory(${JSON.stringify(route)}) was given the unknown ${what} "${name}".`,
      `It takes ${known.join(", ")}.`,
    );
  }
}

function refuse(route: string, name: string, value: unknown, expected: string): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `serveDirectory(${JSON.stringify(route)}) was given ${Bun.inspect(value)} as ${name}.`,
    `It takes ${expected}.`,
  );
}
