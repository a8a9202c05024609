/** Headers that every response gets: what `setResponseHeader` and its like collect, as the outermost after hook. */
import { RobynError } from "../errors.ts";
import { addMissing, checkHeader } from "../http/header.ts";
import { matchPattern, parsePattern, PatternError } from "../http/pattern.ts";
import { hookPatternError } from "../routing/refusal.ts";
import type { AfterHook, AnyState } from "../routing/route.ts";

export class ResponseHeaders {
  readonly #set = new Map<string, string>();
  readonly #added: [name: string, value: string][] = [];
  readonly #excluded: string[] = [];
  #isSealed = false;

  /** @throws RobynError ROBYN_HEADER_INVALID, ROBYN_SEALED */
  set(name: string, value: string): void {
    this.#assertOpen("setResponseHeader()");
    checkHeader("setResponseHeader()", name, value);
    this.#set.set(name.toLowerCase(), value);
  }

  /** @throws RobynError ROBYN_HEADER_INVALID, ROBYN_SEALED */
  add(name: string, value: string): void {
    this.#assertOpen("addResponseHeader()");
    checkHeader("addResponseHeader()", name, value);
    this.#added.push([name, value]);
  }

  /** @throws RobynError ROBYN_SEALED; ROBYN_PATTERN_INVALID follows at start, when it is known how paths are compared */
  excludeFor(patterns: string | readonly string[]): void {
    this.#assertOpen("excludeResponseHeadersFor()");
    this.#excluded.push(...(typeof patterns === "string" ? [patterns] : patterns));
  }

  /** @returns undefined where nothing was defined, so that an app without it pays nothing */
  seal(strict: boolean): AfterHook<AnyState> | undefined {
    this.#isSealed = true;
    if (this.#set.size === 0 && this.#added.length === 0) return undefined;
    const patterns = this.#excluded.map((source) => parse(source, strict));
    return (response, { canonicalPath }) => {
      const path = patterns.length === 0 ? undefined : canonicalPath;
      if (path !== undefined && patterns.some((it) => matchPattern(it, path) !== undefined)) return;
      addMissing(response.headers, this.#set);
      for (const [name, value] of this.#added) response.headers.append(name, value);
    };
  }

  #assertOpen(what: string): void {
    if (!this.#isSealed) return;
    throw new RobynError(
      "ROBYN_SEALED",
      `${what} was called after the application had started.`,
      "Define every header before start(), or before the first use of app.fetch.",
    );
  }
}

function parse(source: string, strict: boolean): ReturnType<typeof parsePattern> {
  try {
    return parsePattern(source, strict);
  } catch (error) {
    throw error instanceof PatternError ? hookPatternError(source, error) : error;
  }
}
