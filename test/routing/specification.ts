/**
 * The route table as its rules are written (headers of `src/http/path.ts` and `src/http/pattern.ts`), with no thought
 * for speed: every route is looked at, byte by byte, segment by segment. It shares no code with the cores, so a rule
 * that one of them bends shows up as a difference.
 */
import { type VerdictName } from "../../src/http/path.ts";
import type { Refusal } from "../../src/native/core.ts";
import { limits } from "../../src/limits.ts";
import { parseNaively, type NaiveSegment } from "./specification-pattern.ts";

/** What a find answers, in the words of the scenario files. */
export interface Outcome {
  readonly verdict: VerdictName | "found";
  readonly endpoint?: number;
  /** Decoded, in the order of the pattern. */
  readonly values?: readonly string[];
  readonly path?: string;
  readonly allowed?: readonly string[];
}

/** What an insert may answer: every fault of a pattern is a right answer, the cores must agree on one. */
export interface AcceptableRefusal {
  readonly status: Refusal["status"];
  readonly reasons: ReadonlySet<string>;
  readonly conflict: number;
}

interface Route {
  readonly method: string;
  readonly segments: readonly NaiveSegment[];
  readonly endpoint: number;
}

const firstMethods = "GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT TRACE".split(" ");

export class Specification {
  readonly #strict: boolean;
  readonly #methods = [...firstMethods];
  readonly #routes: Route[] = [];

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  /** @returns the refusals that would be right, none if the route is to be taken. */
  insert(method: string, source: string, endpoint: number): readonly AcceptableRefusal[] {
    if (!/^[\w!#$%&'*+.^`|~-]{1,32}$/.test(method)) return [plain("method_invalid")];
    const parsed = parseNaively(source, this.#strict);
    if (!this.#methods.includes(method)) {
      if (this.#methods.length === limits.methods_max) return [plain("too_many_methods")];
      this.#methods.push(method);
    }
    if (Array.isArray(parsed)) {
      const twin = this.#routes.find(
        (route) => route.method === method && sameShape(route.segments, parsed),
      );
      if (twin !== undefined) return [{ ...plain("conflict"), conflict: twin.endpoint }];
      this.#routes.push({ method, segments: parsed, endpoint });
      return [];
    }
    const refusals = [...parsed.limits].map((status) => plain(status));
    if (parsed.reasons.size > 0)
      refusals.push({ status: "pattern_invalid", reasons: parsed.reasons, conflict: -1 });
    return refusals;
  }

  find(method: string, url: string): Outcome {
    const path = pathOf(url, this.#strict);
    if (!path.startsWith("/")) return { verdict: path as VerdictName };
    const parts = path.slice(1).split("/");
    const route =
      this.#best(method, parts) ?? (method === "HEAD" ? this.#best("GET", parts) : undefined);
    if (route !== undefined) {
      const values = valuesOf(route.segments, parts)!.map(decode);
      return { verdict: "found", endpoint: route.endpoint, values, path };
    }
    const allowed = this.#methods.filter((token) => this.#best(token, parts) !== undefined);
    if (allowed.length === 0) return { verdict: "not_found", path };
    return { verdict: "method_not_allowed", path, allowed };
  }

  #best(method: string, parts: readonly string[]): Route | undefined {
    const routes = this.#routes.filter((route) => route.method === method);
    return search(routes, parts, 0);
  }
}

/** Precedence word for word: per segment a literal, then a parameter, then a rest, going back where that fails. */
function search(
  routes: readonly Route[],
  parts: readonly string[],
  depth: number,
): Route | undefined {
  if (routes.length === 0) return undefined;
  const at = (kind: NaiveSegment["kind"]) =>
    routes.filter((route) => route.segments[depth]?.kind === kind);
  if (depth === parts.length) {
    const ending = routes.find((route) => route.segments.length === depth);
    return ending ?? at("rest-or-empty")[0];
  }
  const part = parts[depth]!;
  const literals = at("literal").filter((route) => route.segments[depth]!.text === part);
  const found =
    search(literals, parts, depth + 1) ??
    (part === "" ? undefined : search(at("parameter"), parts, depth + 1));
  if (found !== undefined) return found;
  return [...at("rest"), ...at("rest-or-empty")].find(
    (route) => valuesOf(route.segments, parts) !== undefined,
  );
}

/** Values of one pattern on one path, still encoded, or undefined if it does not match. */
export function valuesOf(
  segments: readonly NaiveSegment[],
  parts: readonly string[],
): string[] | undefined {
  const values: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const rest = parts.slice(index).join("/");
    const part = parts[index];
    if (segment.kind === "rest-or-empty") return [...values, rest];
    if (segment.kind === "rest") return rest === "" ? undefined : [...values, rest];
    if (part === undefined) return undefined;
    if (segment.kind === "literal" && part !== segment.text) return undefined;
    if (segment.kind === "parameter" && part === "") return undefined;
    if (segment.kind === "parameter") values.push(part);
  }
  return parts.length === segments.length ? values : undefined;
}

/** The canonical path, or the name of the verdict that refuses the URL. */
export function pathOf(url: string, strict: boolean): string {
  let rest = url;
  if (!url.startsWith("/")) {
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0];
    if (scheme === undefined) return "bad_path";
    const authority = untilOneOf(url.slice(scheme.length), "/?#");
    if (!isHost(authority)) return "bad_host";
    rest = url.slice(scheme.length + authority.length);
  }
  const raw = untilOneOf(rest, "?#") || "/";
  if (raw.length > 8_192) return "path_too_long";
  const segments = raw.slice(1).split("/").map(segmentOf);
  if (segments.includes(undefined)) return "bad_path";
  if (!strict && segments.length > 1 && segments.at(-1) === "" && segments.at(-2) !== "")
    segments.pop();
  return `/${segments.join("/")}`;
}

function untilOneOf(text: string, ends: string): string {
  let length = 0;
  while (length < text.length && !ends.includes(text[length]!)) length++;
  return text.slice(0, length);
}

/** Printable ASCII without user information; what stands behind the last colon outside of [ ] is a port. */
function isHost(authority: string): boolean {
  if (!/^[!-~]+$/.test(authority) || /[@\\<>]/.test(authority)) return false;
  const port = authority.slice(authority.lastIndexOf("]") + 1).split(":");
  return port.length === 1 || (/^\d*$/.test(port.at(-1)!) && Number(port.at(-1)) < 65_536);
}

/** One segment in its canonical spelling, or undefined if it must be refused. */
function segmentOf(raw: string): string | undefined {
  let spelling = "";
  const bytes: number[] = [];
  for (let index = 0; index < raw.length; index++) {
    let byte = raw.charCodeAt(index);
    if (byte <= 0x20 || byte > 0x7e) return undefined;
    const encoded = raw[index] === "%";
    if (encoded) {
      const digits = raw.slice(index + 1, index + 3);
      if (!/^[0-9a-f]{2}$/i.test(digits)) return undefined;
      byte = Number.parseInt(digits, 16);
      if (byte < 0x20 || byte === 0x7f) return undefined;
      index += 2;
    }
    bytes.push(byte);
    const character = String.fromCharCode(byte);
    const stays = encoded && !/[\w.~-]/.test(character);
    spelling += stays ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}` : character;
  }
  return spelling === "." || spelling === ".." || !isUtf8(bytes) ? undefined : spelling;
}

function decode(value: string): string {
  const bytes = [...value.matchAll(/%(..)|(.)/gs)].map(([, digits, plain]) =>
    digits === undefined ? plain!.charCodeAt(0) : Number.parseInt(digits, 16),
  );
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

export function isUtf8(bytes: readonly number[]): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
    return true;
  } catch {
    return false;
  }
}

function sameShape(left: readonly NaiveSegment[], right: readonly NaiveSegment[]): boolean {
  const parts = (segments: readonly NaiveSegment[]) =>
    segments.map(({ kind, text }) => (kind === "literal" ? `=${text}` : kind.slice(0, 4)));
  return parts(left).join("/") === parts(right).join("/");
}

function plain(status: Refusal["status"]): AcceptableRefusal {
  return { status, reasons: new Set(["none"]), conflict: -1 };
}
