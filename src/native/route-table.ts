/** The route table in Zig: a thin class over `robyn_table_*`. One native call per request, no strings come back. */
import type { Pointer } from "bun:ffi";
import { GET, standardMethods, unknownMethod } from "../http/method.ts";
import { canonicalPath, decodeValue } from "../http/path.ts";
import { reason, type ReasonName } from "../http/pattern.ts";
import { limits } from "../limits.ts";
import type { Refusal, RouteTable } from "./core.ts";
import {
  allocateShared,
  type NativeSymbols,
  requireHandle,
  type TextBuffer,
  textBuffer,
} from "./library.ts";
import { matchWords, sizes, status, type StatusName } from "./symbols.ts";

/** One UTF-16 unit takes at most three bytes, so a URL within the limit always fits and is never cut. */
const scratchBytes = 3 * limits.url_bytes_max;

export class ZigRouteTable implements RouteTable {
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;
  readonly #strict: boolean;
  readonly #methods = new Map<string, number>();
  readonly #scratch: TextBuffer;
  readonly #scratchPointer: Pointer;
  readonly #match: Uint32Array;
  readonly #matchPointer: Pointer;
  /** What the spans of the last find point into. */
  #source = "/";

  constructor(native: NativeSymbols, options: { strict: boolean }) {
    const scratch = allocateShared(scratchBytes);
    const match = allocateShared(sizes.Match);
    this.#native = native;
    this.#handle = requireHandle(
      native.robyn_table_create(options.strict ? 1 : 0),
      "robyn_table_create",
    );
    this.#strict = options.strict;
    this.#scratch = textBuffer(scratch.buffer);
    this.#scratchPointer = scratch.pointer;
    this.#match = new Uint32Array(match.buffer);
    this.#matchPointer = match.pointer;
    for (const [id, token] of standardMethods.entries()) this.#methods.set(token, id);
  }

  get valuesCount(): number {
    return this.#match[matchWords.values_count]!;
  }

  insert(method: string, pattern: string, endpoint: number): Refusal | undefined {
    const id = this.methodId(method);
    const known = id === unknownMethod ? this.#register(method) : id;
    if (typeof known !== "number") return known;
    if (!pattern.isWellFormed()) return { ...refusal(status.pattern_invalid), reason: "bad_utf8" };
    const length = this.#write(pattern);
    const result =
      length < 0
        ? status.pattern_too_long
        : this.#native.robyn_table_insert(
            this.#handle,
            known,
            this.#scratchPointer,
            length,
            endpoint,
            this.#matchPointer,
          );
    if (result === status.ok) return undefined;
    const report = new Uint32Array(this.#match.buffer, 0, sizes.InsertReport / 4);
    if (result === status.pattern_invalid) {
      return { ...refusal(result), reason: reasonNames[report[0]!] ?? "none", offset: report[1]! };
    }
    return { ...refusal(result), conflict: report[2]! };
  }

  seal(): void {
    const result = this.#native.robyn_table_seal(this.#handle);
    if (result !== status.ok) throw new TypeError(`robyn_table_seal: ${statusName(result)}`);
  }

  methodId(token: string): number {
    if (token === "GET") return GET;
    return this.#methods.get(token) ?? unknownMethod;
  }

  find(method: number, url: string): number {
    const { length } = url;
    if (length > limits.url_bytes_max) return this.#findSlowly(method, url);
    // `utf8Write`, not `latin1Write`: the latter keeps the low byte of each character and would turn `/šdmin` into
    // `/admin` (only an invalid Host lets such a URL reach us). It costs 6 ns more and the length tells on it.
    if (this.#scratch.utf8Write(url, 0) !== length) return this.#findSlowly(method, url);
    const result = this.#native.robyn_table_find(
      this.#handle,
      method,
      this.#scratchPointer,
      length,
      this.#matchPointer,
    );
    this.#source =
      this.#match[matchWords.rewritten] === 0
        ? url
        : this.#scratch.latin1Slice(0, this.#match[matchWords.path_end]!);
    return result;
  }

  path(): string {
    const path = this.#source.slice(
      this.#match[matchWords.path_start],
      this.#match[matchWords.path_end]!,
    );
    return path === "" ? "/" : path;
  }

  value(index: number): string {
    const at = matchWords.spans + 2 * index;
    return decodeValue(this.#source.slice(this.#match[at], this.#match[at + 1]));
  }

  allowed(): string[] {
    const mask = this.#match[matchWords.allowed]!;
    return [...this.#methods].filter(([, id]) => (mask >>> id) & 1).map(([token]) => token);
  }

  destroy(): void {
    this.#native.robyn_table_destroy(this.#handle);
  }

  /** A URL that is long or not ASCII may be so in its query only: the path, once it is canonical, alone decides. */
  #findSlowly(method: number, url: string): number {
    const path = canonicalPath(url, this.#strict);
    return typeof path === "number" ? path : this.find(method, path);
  }

  #register(method: string): number | Refusal {
    const length = method.length > limits.method_bytes_max ? -1 : this.#write(method);
    if (length < 0) return refusal(status.method_invalid);
    const result = this.#native.robyn_table_method(
      this.#handle,
      this.#scratchPointer,
      length,
      this.#matchPointer,
    );
    if (result !== status.ok) return refusal(result);
    const id = this.#match[0]!;
    this.#methods.set(method, id);
    return id;
  }

  #write(text: string): number {
    return text.length > limits.url_bytes_max ? -1 : this.#scratch.utf8Write(text, 0);
  }
}

const reasonNames = Object.keys(reason) as ReasonName[];

function refusal(result: number): Refusal {
  const name = statusName(result);
  switch (name) {
    case "pattern_invalid":
    case "pattern_too_long":
    case "too_many_parameters":
    case "conflict":
    case "method_invalid":
    case "too_many_methods":
    case "too_many_routes":
      return { status: name, reason: "none", offset: 0, conflict: -1 };
    default:
      throw new TypeError(`robyn_table_insert: ${name}`);
  }
}

/** @internal shared with the response cache */
export function statusName(result: number): StatusName | "unknown status" {
  for (const [name, value] of Object.entries(status)) {
    if (value === result) return name as StatusName;
  }
  return "unknown status";
}
