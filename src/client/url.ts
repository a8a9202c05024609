/** Where a route is: its pattern with the values of its parameters, below a server. */
import type { PlainQuery, Scalar } from "./types.ts";

export class Address {
  readonly #base: URL;

  /**
   * @param base of the server; its path, if any, goes before that of routes. Default: where the page is from.
   * @throws TypeError
   */
  constructor(base: string | URL | undefined) {
    const given = base ?? pageOrigin();
    if (given === undefined || !URL.canParse(String(given)))
      throw new TypeError(
        `createClient() was given ${String(base)}; outside of pages it takes the URL of the server`,
      );
    this.#base = new URL(given);
    if (!/^(?:https?|wss?):$/.test(this.#base.protocol))
      throw new TypeError(`${this.#base.href} is neither http: nor ws:`);
  }

  /** @throws TypeError for parameters that no path can carry */
  socket(pattern: string, params: Params): URL {
    return this.#at(pattern, params, "ws");
  }

  /** @throws TypeError for parameters that no path can carry */
  http(pattern: string, params: Params): URL {
    return this.#at(pattern, params, "http");
  }

  #at(pattern: string, params: Params, scheme: "ws" | "http"): URL {
    const { protocol, host, pathname } = this.#base;
    const secure = protocol === "https:" || protocol === "wss:" ? "s" : "";
    const start = pathname.replace(/\/+$/, "");
    return new URL(`${scheme}${secure}://${host}${start}${fill(pattern, params)}`);
  }
}

/** The origin that a page is from; undefined elsewhere. */
function pageOrigin(): string | undefined {
  const location: unknown = Reflect.get(globalThis, "location");
  if (typeof location !== "object" || location === null || !("origin" in location))
    return undefined;
  return typeof location.origin === "string" ? location.origin : undefined;
}

type Params = Readonly<Record<string, Scalar>>;

export function withQuery(url: URL, query: PlainQuery): string {
  const full = new URL(url);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    for (const one of [value].flat()) full.searchParams.append(name, String(one));
  }
  return full.href;
}

function fill(pattern: string, params: Params): string {
  if (!pattern.startsWith("/"))
    throw new TypeError(`the path ${JSON.stringify(pattern)} does not begin with "/"`);
  const [path, query] = split(pattern);
  const segments = path.split("/").map((segment) => {
    const [, kind, name] = /^([:*])(.*)$/s.exec(segment) ?? [];
    if (kind === undefined || name === undefined) return segment;
    const key = name === "" ? "*" : name;
    const value = Object.hasOwn(params, key) ? String(params[key]) : "";
    if (kind === ":") return encode(value, pattern, key);
    if (value === "" && name === "") return "";
    return value
      .split("/")
      .map((part) => encode(part, pattern, key))
      .join("/");
  });
  return segments.join("/") + query;
}

function split(pattern: string): [path: string, query: string] {
  const at = pattern.indexOf("?");
  return at < 0 ? [pattern, ""] : [pattern.slice(0, at), pattern.slice(at)];
}

/** An empty segment is another path, and `.` and `..` would be resolved away, encoded or not (WHATWG URL §4.4). */
function encode(value: string, pattern: string, name: string): string {
  if (value !== "" && value !== "." && value !== "..") return encodeURIComponent(value);
  throw new TypeError(
    `the parameter "${name}" of ${pattern} is ${JSON.stringify(value)}; it takes a text that is neither empty nor "." or ".."`,
  );
}
