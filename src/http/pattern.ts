/**
 * The grammar of patterns, shared by routes and hooks. One function parses it; all else consumes its result.
 *
 * A pattern begins with `/` and is a list of segments:
 * - `users`    a literal, compared with the canonical path
 * - `:id`      one non-empty segment
 * - `*path`    the rest, at least one character; last segment only
 * - `*`        the rest, may be empty; last segment only. `/files/*` also takes `/files`.
 *
 * Precedence is decided per segment: literal, then `:name`, then rest, with backtracking. Two patterns of one method
 * that differ only in names have the same shape and conflict.
 */
import { limits } from "../limits.ts";
import { canonicalSegments, withoutTrailingSlash } from "./path.ts";

/** Why a pattern is refused. The names and values are those of `native/status.zig`. */
export const reason = {
  none: 0,
  empty: 1,
  no_leading_slash: 2,
  bad_percent: 3,
  control_byte: 4,
  dot_segment: 5,
  query_or_fragment: 6,
  unknown_syntax: 7,
  partial_parameter: 8,
  name_invalid: 9,
  name_duplicate: 10,
  rest_not_last: 11,
  bad_utf8: 12,
} as const;

export type ReasonName = keyof typeof reason;
export type PatternRefusal = "pattern_invalid" | "pattern_too_long" | "too_many_parameters";

export interface Segment {
  readonly kind: "literal" | "parameter" | "rest" | "rest-or-empty";
  /** The canonical literal, or the name (`*` for an unnamed rest). */
  readonly text: string;
}

export interface Pattern {
  readonly source: string;
  readonly segments: readonly Segment[];
  /** Names of the parameters, in the order of the pattern. */
  readonly names: readonly string[];
}

/** Says why and where (`offset`: UTF-16 index into the source) a pattern was refused. */
export class PatternError extends Error {
  readonly refusal: PatternRefusal;
  readonly reason: ReasonName;
  readonly offset: number;

  constructor(refusal: PatternRefusal, reason: ReasonName = "none", offset = 0) {
    super(reason === "none" ? refusal : reason);
    this.refusal = refusal;
    this.reason = reason;
    this.offset = offset;
  }
}

/**
 * Reads a pattern from left to right; the first mistake is the one that is told.
 *
 * @throws PatternError
 */
export function parsePattern(source: string, strict: boolean): Pattern {
  if (!source.isWellFormed()) throw invalid("bad_utf8", source.search(/\p{Surrogate}/u));
  if (Buffer.byteLength(source) > limits.pattern_bytes_max)
    throw new PatternError("pattern_too_long");
  if (source === "") throw invalid("empty", 0);
  if (source[0] !== "/") throw invalid("no_leading_slash", 0);
  const path = strict ? source : withoutTrailingSlash(source);
  const segments: Segment[] = [];
  const names: string[] = [];
  let offset = 1;
  for (const text of path.slice(1).split("/")) {
    const isLast = offset + text.length === path.length;
    segments.push(parseSegment(text, offset, isLast, names));
    offset += text.length + 1;
  }
  return { source, segments, names };
}

/**
 * Matches one pattern against a canonical path. This is the specification that the route tables are tested against,
 * and what decides whether a hook with a pattern covers a request.
 *
 * @returns the values in the order of the pattern, still encoded, or undefined.
 */
export function matchPattern(pattern: Pattern, path: string): string[] | undefined {
  const { segments } = pattern;
  const values: string[] = [];
  let start = 1;
  for (let index = 0; index < segments.length; index++) {
    const { kind, text } = segments[index]!;
    // Only `/files/*` goes on behind the end of the path: it takes `/files` too.
    if (start > path.length) return kind === "rest-or-empty" ? [...values, ""] : undefined;
    if (kind === "rest" && start === path.length) return undefined;
    if (kind === "rest" || kind === "rest-or-empty") return [...values, path.slice(start)];
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(start, end);
    if (kind === "literal" ? segment !== text : segment === "") return undefined;
    if (kind === "parameter") values.push(segment);
    start = end + 1;
  }
  return start > path.length ? values : undefined;
}

/** Orders patterns that may match the same path: the more specific first. */
export function comparePrecedence(left: Pattern, right: Pattern): number {
  const length = Math.min(left.segments.length, right.segments.length);
  for (let index = 0; index < length; index++) {
    const difference = rank[left.segments[index]!.kind] - rank[right.segments[index]!.kind];
    if (difference !== 0) return difference;
  }
  return left.segments.length - right.segments.length;
}

/** How the paths of a pattern relate to those of another: is each one covered, none, or does the path decide? */
export function coverage(cover: Pattern, route: Pattern): "always" | "never" | "depends" {
  let certain = true;
  for (let index = 0; ; index++) {
    const left = cover.segments[index];
    const right = route.segments[index];
    if (left === undefined && right === undefined) return certain ? "always" : "depends";
    if (left?.kind === "rest-or-empty") return certain ? "always" : "depends";
    if (right === undefined) return "never";
    if (left === undefined) return right.kind === "rest-or-empty" ? "depends" : "never";
    if (left.kind === "rest") {
      // `*name` needs one character. A literal or parameter has it, unless it is the empty literal and nothing,
      // or only a rest that may be empty, follows.
      if (right.kind === "literal" && right.text === "") {
        const next = route.segments[index + 1];
        if (next === undefined) return "never";
        if (next.kind === "rest-or-empty") return "depends";
      }
      return certain && right.kind !== "rest-or-empty" ? "always" : "depends";
    }
    if (right.kind === "rest" || right.kind === "rest-or-empty") return "depends";
    if (left.kind === "literal" && right.kind === "literal") {
      if (left.text !== right.text) return "never";
    } else if (left.kind === "literal") {
      if (left.text === "") return "never";
      certain = false;
    } else if (right.kind === "literal" && right.text === "") {
      return "never";
    }
  }
}

const rank = { literal: 0, parameter: 1, rest: 2, "rest-or-empty": 2 } as const;

function parseSegment(text: string, offset: number, isLast: boolean, names: string[]): Segment {
  const sigil = text[0];
  if (sigil !== ":" && sigil !== "*")
    return { kind: "literal", text: canonicalLiteral(text, offset) };
  const name = text.slice(1);
  if (name === "" && sigil === ":") throw invalid("name_invalid", offset + 1);
  checkName(name, offset + 1);
  if (name !== "" && names.includes(name)) throw invalid("name_duplicate", offset);
  if (sigil === "*" && !isLast) throw invalid("rest_not_last", offset);
  if (names.length === limits.params_max) throw new PatternError("too_many_parameters");
  names.push(name === "" ? "*" : name);
  if (sigil === ":") return { kind: "parameter", text: name };
  return name === "" ? { kind: "rest-or-empty", text: "*" } : { kind: "rest", text: name };
}

function checkName(name: string, offset: number): void {
  const wrong = /^[0-9]|[^A-Za-z0-9_]/.exec(name);
  if (wrong === null) return;
  const why = forbidden(wrong[0]);
  // `:id?` is an optional parameter elsewhere: a matter of names, not of queries.
  throw invalid(
    why === undefined || why === "query_or_fragment" ? "name_invalid" : why,
    offset + wrong.index,
  );
}

/** Characters that no segment may contain, name or literal. */
function forbidden(character: string): ReasonName | undefined {
  if (/[\x00-\x1f\x7f]/.test(character)) return "control_byte";
  if (character === "?" || character === "#") return "query_or_fragment";
  if (/[{}<>\\]/.test(character)) return "unknown_syntax";
  return character === ":" || character === "*" ? "partial_parameter" : undefined;
}

/** Unreserved characters, not beginning with a dot: the literal of nearly every route, canonical as it is. */
const plainLiteral = /^[\w\-~][\w\-.~]*$/;

/** Literals are written by people: what a URL parser would encode is encoded here, then the path rules apply. */
function canonicalLiteral(text: string, offset: number): string {
  if (plainLiteral.test(text)) return text;
  const wrong = /[\x00-\x1f\x7f?#{}<>\\:*]|%(?![0-9A-Fa-f]{2})|%(?=[01][0-9A-Fa-f]|7[Ff])/.exec(
    text,
  );
  const correct = encodeLiteral(wrong === null ? text : text.slice(0, wrong.index));
  if (!isUtf8(correct, wrong !== null)) throw invalid("bad_utf8", offset);
  if (wrong !== null) {
    const isTriplet = /^[0-9A-Fa-f]{2}/.test(text.slice(wrong.index + 1));
    const why = forbidden(wrong[0]) ?? (isTriplet ? "control_byte" : "bad_percent");
    throw invalid(why, offset + wrong.index);
  }
  const canonical = canonicalSegments(`/${correct}`);
  if (canonical === undefined) throw invalid("dot_segment", offset);
  return canonical.slice(1);
}

function encodeLiteral(text: string): string {
  return text.replace(/[ "^`]|[^\x00-\x7f]+/g, (part) => encodeURIComponent(part));
}

/** @param cut whether more was to come, so that an unfinished character is no mistake yet. */
function isUtf8(encoded: string, cut: boolean): boolean {
  if (!encoded.includes("%")) return true;
  const bytes = Buffer.from(
    encoded.replace(/%(..)/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16))),
    "latin1",
  );
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut });
    return true;
  } catch {
    return false;
  }
}

/** The pattern with its names removed: two routes of one method may not share it. */
export function shapeOf({ segments }: Pattern): string {
  let shape = "";
  for (const { kind, text } of segments) {
    shape += kind === "literal" ? `/${text}` : kind === "parameter" ? "/:" : "/*";
  }
  return shape;
}

function invalid(reason: ReasonName, offset: number): PatternError {
  return new PatternError("pattern_invalid", reason, offset);
}
