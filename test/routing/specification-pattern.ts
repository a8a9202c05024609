/** The grammar of patterns as the header of `src/http/pattern.ts` states it, segment by segment. */
import type { PatternRefusal, ReasonName } from "../../src/http/pattern.ts";
import { isUtf8 } from "./specification.ts";

export interface NaiveSegment {
  readonly kind: "literal" | "parameter" | "rest" | "rest-or-empty";
  /** The canonical literal, or the name. */
  readonly text: string;
}

/** Every fault of a pattern. Which of several is reported is not part of the grammar. */
export interface Faults {
  readonly reasons: ReadonlySet<ReasonName>;
  readonly limits: ReadonlySet<PatternRefusal>;
}

export function parseNaively(source: string, strict: boolean): NaiveSegment[] | Faults {
  const reasons = new Set<ReasonName>();
  const limits = new Set<PatternRefusal>();
  if (new TextEncoder().encode(source).length > 1_024) limits.add("pattern_too_long");
  if (!source.isWellFormed()) reasons.add("bad_utf8");
  if (source === "") reasons.add("empty");
  else if (!source.startsWith("/")) reasons.add("no_leading_slash");
  const texts = source.slice(1).split("/");
  if (!strict && texts.length > 1 && texts.at(-1) === "" && texts.at(-2) !== "") texts.pop();
  const segments = texts.map((text, index) => parseSegment(text, index === texts.length - 1));
  const names = new Set<string>();
  for (const segment of segments) {
    for (const reason of segment.reasons) reasons.add(reason);
    if (segment.kind === "literal") continue;
    if (names.has(segment.text)) reasons.add("name_duplicate");
    names.add(segment.text);
  }
  if (segments.filter(({ kind }) => kind !== "literal").length > 16)
    limits.add("too_many_parameters");
  return reasons.size + limits.size === 0 ? segments : { reasons, limits };
}

function parseSegment(
  text: string,
  isLast: boolean,
): NaiveSegment & { readonly reasons: ReasonName[] } {
  const reasons: ReasonName[] = [];
  const sigil = text[0] === ":" || text[0] === "*" ? text[0] : "";
  if (/[\x00-\x1f\x7f]/.test(text)) reasons.push("control_byte");
  if (/[{}<>\\]/.test(text)) reasons.push("unknown_syntax");
  if (/[:*]/.test(text.slice(1)) || (sigil === "" && /[:*]/.test(text)))
    reasons.push("partial_parameter");
  if (sigil === "") {
    if (/[?#]/.test(text)) reasons.push("query_or_fragment");
    const literal = literalOf(text);
    if (typeof literal === "string") return { kind: "literal", text: literal, reasons };
    return { kind: "literal", text, reasons: [...reasons, ...literal] };
  }
  const name = text.slice(1);
  if (sigil === "*" && !isLast) reasons.push("rest_not_last");
  if (sigil === "*" && name === "") return { kind: "rest-or-empty", text: "*", reasons };
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) reasons.push("name_invalid");
  return { kind: sigil === ":" ? "parameter" : "rest", text: name, reasons };
}

/** What a browser would send for this literal, in canonical spelling. */
function literalOf(text: string): string | ReasonName[] {
  const reasons: ReasonName[] = [];
  const bytes: number[] = [];
  let spelling = "";
  const source = [...new TextEncoder().encode(text)];
  for (let index = 0; index < source.length; index++) {
    let byte = source[index]!;
    let stays = byte >= 0x80 || ' "^`'.includes(String.fromCharCode(byte));
    if (byte === 0x25) {
      const digits = String.fromCharCode(...source.slice(index + 1, index + 3));
      if (/^[0-9a-f]{2}$/i.test(digits)) {
        byte = Number.parseInt(digits, 16);
        index += 2;
        stays = !/[\w.~-]/.test(String.fromCharCode(byte));
        if (byte < 0x20 || byte === 0x7f) reasons.push("control_byte");
      } else reasons.push("bad_percent");
    }
    bytes.push(byte);
    spelling += stays
      ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
      : String.fromCharCode(byte);
  }
  if (!isUtf8(bytes)) reasons.push("bad_utf8");
  if (spelling === "." || spelling === "..") reasons.push("dot_segment");
  return reasons.length === 0 ? spelling : reasons;
}
