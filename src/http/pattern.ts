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
  /** The pattern with its names removed: two routes of one method may not share it. */
  readonly shape: string;
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

/** @throws PatternError */
export function parsePattern(source: string, strict: boolean): Pattern {
  checkBytes(source);
  const path = strict ? source : withoutTrailingSlash(source);
  const segments: Segment[] = [];
  const names: string[] = [];
  let offset = 1;
  for (const text of path.slice(1).split("/")) {
    const isLast = offset + text.length === path.length;
    const segment = parseSegment(text, offset, isLast);
    if (segment.kind !== "literal") {
      if (names.includes(segment.text)) throw invalid("name_duplicate", offset);
      names.push(segment.text);
    }
    segments.push(segment);
    offset += text.length + 1;
  }
  if (names.length > limits.params_max) throw new PatternError("too_many_parameters");
  return { source, segments, names, shape: shapeOf(segments) };
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
      // `*name` needs one character: a literal or parameter there has it unless it is the empty literal.
      if (right.kind === "literal" && right.text === "" && route.segments.length === index + 1)
        return "never";
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

function checkBytes(source: string): void {
  if (source === "") throw invalid("empty", 0);
  if (Buffer.byteLength(source) > limits.pattern_bytes_max)
    throw new PatternError("pattern_too_long");
  if (source[0] !== "/") throw invalid("no_leading_slash", 0);
  const found = /[\x00-\x1f\x7f]|[?#]|[{}<>\\]/.exec(source);
  if (found === null) return;
  const character = found[0];
  if (character === "?" || character === "#") throw optionalOrQuery(source, found.index);
  throw invalid(/[{}<>\\]/.test(character) ? "unknown_syntax" : "control_byte", found.index);
}

/** `:id?` is an attempt at an optional parameter, `/a?b` one at a query: the hints differ. */
function optionalOrQuery(source: string, index: number): PatternError {
  const start = source.lastIndexOf("/", index);
  const isName = source[start + 1] === ":" || source[start + 1] === "*";
  return isName ? invalid("name_invalid", start + 1) : invalid("query_or_fragment", index);
}

function parseSegment(text: string, offset: number, isLast: boolean): Segment {
  const sigil = text[0];
  if (sigil === ":" || sigil === "*") {
    const name = text.slice(1);
    if (sigil === "*" && !isLast) throw invalid("rest_not_last", offset);
    if (sigil === "*" && name === "") return { kind: "rest-or-empty", text: "*" };
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw invalid("name_invalid", offset);
    return { kind: sigil === ":" ? "parameter" : "rest", text: name };
  }
  const partial = text.search(/[:*]/);
  if (partial >= 0) throw invalid("partial_parameter", offset + partial);
  return { kind: "literal", text: canonicalLiteral(text, offset) };
}

/** Literals are written by people: what a URL parser would encode is encoded here, then the path rules apply. */
function canonicalLiteral(text: string, offset: number): string {
  if (!text.isWellFormed()) throw invalid("bad_utf8", offset);
  const encoded = text.replace(/[ "^`]|[^\x00-\x7f]+/g, (part) => encodeURIComponent(part));
  const malformed = encoded.search(/%(?![0-9A-Fa-f]{2})/);
  if (malformed >= 0) throw invalid("bad_percent", offset);
  if (/%(?:[01][0-9A-Fa-f]|7[Ff])/.test(encoded)) throw invalid("control_byte", offset);
  try {
    decodeURIComponent(encoded);
  } catch {
    throw invalid("bad_utf8", offset);
  }
  const canonical = canonicalSegments(`/${encoded}`);
  if (canonical === undefined) throw invalid("dot_segment", offset);
  return canonical.slice(1);
}

function shapeOf(segments: readonly Segment[]): string {
  let shape = "";
  for (const { kind, text } of segments) {
    shape += kind === "literal" ? `/${text}` : kind === "parameter" ? "/:" : "/*";
  }
  return shape;
}

function invalid(reason: ReasonName, offset: number): PatternError {
  return new PatternError("pattern_invalid", reason, offset);
}
