/**
 * The core in TypeScript, for places where no native library can be loaded. Same verdicts as the Zig core: the
 * scenario tables and the property test run on both.
 *
 * memoirist finds the candidate. Its grammar is a little wider than ours (a rest may always be empty), so the
 * candidate is checked against the pattern; in the rare case that it does not hold, the routes are tried in order
 * of precedence, which is the specification itself.
 */
import { Memoirist } from "memoirist";
import { GET, HEAD, isToken, standardMethods, unknownMethod } from "../http/method.ts";
import { canonicalPath, decodeValue, verdict } from "../http/path.ts";
import {
  comparePrecedence,
  matchPattern,
  type Pattern,
  parsePattern,
  PatternError,
  shapeOf,
} from "../http/pattern.ts";
import { limits } from "../limits.ts";
import type { Encoding } from "../http/negotiation.ts";
import { PortableSegment } from "./portable-segment.ts";
import type { Core, Refusal, ResponseCache, RouteTable, StoredResponse } from "./core.ts";

export const portableCore: Core = {
  name: "portable",
  createRouteTable: ({ strict }) => new PortableRouteTable(strict),
  createResponseCache: () => new PortableResponseCache(),
  openSegment: ({ slot }, cacheBytes) => new PortableSegment(slot, cacheBytes),
};

interface Entry {
  readonly pattern: Pattern;
  readonly endpoint: number;
}

class PortableRouteTable implements RouteTable {
  readonly #strict: boolean;
  readonly #methods: string[] = [...standardMethods];
  readonly #shapes = new Map<string, number>();
  readonly #router = new Memoirist<Entry>();
  readonly #entries: Entry[][] = [];
  #count = 0;
  #sealed = false;
  #path = "/";
  #values: string[] = [];
  #allowed: string[] = [];

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  get valuesCount(): number {
    return this.#values.length;
  }

  insert(method: string, source: string, endpoint: number): Refusal | undefined {
    if (this.#sealed) throw new TypeError("the route table is sealed");
    const id = this.#register(method);
    if (typeof id !== "number") return id;
    if (this.#count === limits.routes_max) return refuse("too_many_routes");
    const pattern = tryParse(source, this.#strict);
    if ("status" in pattern) return pattern;
    const key = `${method} ${shapeOf(pattern)}`;
    const conflict = this.#shapes.get(key);
    if (conflict !== undefined) return { ...refuse("conflict"), conflict };
    this.#shapes.set(key, endpoint);
    this.#count++;
    (this.#entries[id] ??= []).push({ pattern, endpoint });
    return undefined;
  }

  seal(): void {
    if (this.#sealed) throw new TypeError("the route table is sealed");
    this.#sealed = true;
    for (const [id, entries] of this.#entries.entries()) {
      if (entries === undefined) continue;
      entries.sort((left, right) => comparePrecedence(left.pattern, right.pattern));
      for (const entry of entries) this.#router.add(String(id), positional(entry.pattern), entry);
      for (const entry of entries) this.#addPrefix(this.#methods[id]!, String(id), entry);
    }
  }

  methodId(token: string): number {
    const id = this.#methods.indexOf(token);
    return id < 0 ? unknownMethod : id;
  }

  find(method: number, url: string): number {
    const path = canonicalPath(url, this.#strict);
    if (typeof path === "number") return path;
    this.#path = path;
    const entry =
      this.#lookup(method, path) ?? (method === HEAD ? this.#lookup(GET, path) : undefined);
    if (entry !== undefined) return entry.endpoint;
    this.#values = [];
    this.#allowed = this.#methods.filter((_, id) => this.#lookup(id, path) !== undefined);
    return this.#allowed.length > 0 ? verdict.method_not_allowed : verdict.not_found;
  }

  path(): string {
    return this.#path;
  }

  value(index: number): string {
    return decodeValue(this.#values[index]!);
  }

  allowed(): string[] {
    return this.#allowed;
  }

  destroy(): void {}

  #register(method: string): number | Refusal {
    const known = this.#methods.indexOf(method);
    if (known >= 0) return known;
    if (!isToken(method) || method.length > limits.method_bytes_max)
      return refuse("method_invalid");
    if (this.#methods.length === limits.methods_max) return refuse("too_many_methods");
    return this.#methods.push(method) - 1;
  }

  #lookup(method: number, path: string): Entry | undefined {
    const entries = this.#entries[method];
    if (entries === undefined) return undefined;
    const candidate = this.#router.find(String(method), path)?.store;
    if (candidate === undefined || this.#take(candidate, path)) return candidate;
    return entries.find((entry) => this.#take(entry, path));
  }

  /** `/files/*` takes `/files` too, unless a route of that very shape exists. */
  #addPrefix(method: string, id: string, entry: Entry): void {
    const { segments } = entry.pattern;
    if (segments.length < 2 || segments.at(-1)?.kind !== "rest-or-empty") return;
    if (this.#shapes.has(`${method} ${shapeOf(entry.pattern).slice(0, -2)}`)) return;
    this.#router.add(id, positional(entry.pattern, segments.length - 1), entry);
  }

  #take(entry: Entry, path: string): boolean {
    const values = matchPattern(entry.pattern, path);
    if (values === undefined) return false;
    this.#values = values;
    return true;
  }
}

class PortableResponseCache implements ResponseCache {
  readonly #responses = new Map<string, StoredResponse>();
  #sealed = false;

  put(endpoint: number, encoding: Encoding, response: StoredResponse): void {
    const key = `${endpoint} ${encoding}`;
    if (this.#sealed) throw new TypeError("the response cache is sealed");
    if (this.#responses.has(key)) throw new TypeError(`the response cache has ${key} already`);
    this.#responses.set(key, { ...response, body: response.body.slice() });
  }

  seal(): void {
    this.#sealed = true;
  }

  get(endpoint: number, encoding: Encoding): StoredResponse | undefined {
    return this.#responses.get(`${endpoint} ${encoding}`);
  }

  destroy(): void {
    this.#responses.clear();
  }
}

/** Names are replaced by positions, so no name a user may choose (`__proto__`) reaches memoirist. */
function positional(pattern: Pattern, length = pattern.segments.length): string {
  const parts = pattern.segments.slice(0, length).map(({ kind, text }, index) => {
    if (kind === "literal") return text;
    return kind === "parameter" ? `:p${index}` : "*";
  });
  return `/${parts.join("/")}`;
}

function tryParse(source: string, strict: boolean): Pattern | Refusal {
  try {
    return parsePattern(source, strict);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    const offset = Buffer.byteLength(source.slice(0, error.offset));
    return { ...refuse(error.refusal), reason: error.reason, offset };
  }
}

function refuse(status: Refusal["status"]): Refusal {
  return { status, reason: "none", offset: 0, conflict: -1 };
}
