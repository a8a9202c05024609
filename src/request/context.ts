/**
 * What a handler receives: a lazy view over the request. Every member is computed on first use, so a handler pays
 * for what it destructures and for nothing else. Every member can be destructured, the functions too.
 */
import { HttpError } from "../errors.ts";
import { canonicalPath } from "../http/path.ts";
import { html, redirect, status } from "../response/values.ts";
import { type Form, parseForm } from "./body.ts";
import { parseBoundedJson } from "./json.ts";
import { parseQuery, type Query } from "./query.ts";

/** The running Bun server; absent where the request came in process. */
export type BunServer = Bun.Server<unknown>;

/** What every context of an application shares. */
export interface ContextSettings {
  /** Whether a trailing slash is significant. */
  readonly strict: boolean;
}

/** What schemas may replace by validated values. */
export interface Inputs {
  query: unknown;
  headers: unknown;
  cookies: unknown;
  body: unknown;
}

/** Without schemas: the query as strings, the standard `Headers`, Bun's cookies; the body is read with `json()` and the like. */
export interface PlainInputs extends Inputs {
  query: Query;
  headers: Headers;
  cookies: Bun.CookieMap;
  body: undefined;
}

export class Context<
  Params extends object = Record<string, string>,
  State extends object = Record<string, unknown>,
  Given extends Inputs = PlainInputs,
> {
  /** The standard `Request`, untouched. */
  readonly request: Request;
  /** Path parameters, decoded once, without prototype. Typed from the path string, or by the schema `params`. */
  params: Params;
  readonly #server: BunServer | undefined;
  readonly #settings: ContextSettings;
  #path: string | number | undefined;
  #query: Given["query"] | undefined;
  #headers: Given["headers"] | undefined;
  #cookies: Given["cookies"] | undefined;
  #body: Given["body"] | undefined;
  #url: URL | undefined;
  #state: State | undefined;
  #responseHeaders: Headers | undefined;
  #bytes: Promise<Uint8Array> | undefined;
  #text: Promise<string> | undefined;

  constructor(
    request: Request,
    server: BunServer | undefined,
    params: Params,
    settings: ContextSettings,
  ) {
    this.request = request;
    this.params = params;
    this.#server = server;
    this.#settings = settings;
  }

  /** Request method, upper-case as sent (RFC 9110 §9). */
  get method(): string {
    return this.request.method;
  }

  /** Request headers: the standard `Headers`, or an object of the values that the schema `headers` declares. */
  get headers(): Given["headers"] {
    return this.#headers ?? this.request.headers;
  }

  /** The validated body of a route with a `body` schema. Without one, read it with `json()`, `text()`, …. */
  get body(): Given["body"] {
    return this.#body;
  }

  /** @internal replaces a part of the request by its validated value */
  take(part: "params" | keyof Inputs, value: unknown): void {
    switch (part) {
      case "params":
        this.params = value as Params;
        break;
      case "query":
        this.#query = value;
        break;
      case "headers":
        this.#headers = value;
        break;
      case "cookies":
        this.#cookies = value;
        break;
      case "body":
        this.#body = value;
        break;
    }
  }

  /** Aborts when the client leaves. */
  get signal(): AbortSignal {
    return this.request.signal;
  }

  /** The canonical path: what routes and hooks were matched with. Still percent-encoded, without query. */
  get path(): string {
    const path = this.canonicalPath;
    return path ?? new URL(this.request.url, "http://localhost").pathname;
  }

  /** @internal the canonical path, or undefined where the URL was refused */
  get canonicalPath(): string | undefined {
    this.#path ??= canonicalPath(this.request.url, this.#settings.strict);
    return typeof this.#path === "string" ? this.#path : undefined;
  }

  /**
   * Query parameters, decoded (`+` is a space), without prototype; a repeated key has an array.
   * @throws HttpError 400 above 1,000 pairs.
   */
  get query(): Given["query"] {
    return (this.#query ??= parseQuery(this.request.url));
  }

  /** Request cookies: `Bun.CookieMap`, or an object of the values that the schema `cookies` declares. */
  get cookies(): Given["cookies"] {
    return (this.#cookies ??= new Bun.CookieMap(this.request.headers.get("cookie") ?? ""));
  }

  /**
   * The whole URL. Its host is what the client sent: do not build links from it unless a proxy checks it.
   * @throws HttpError 400 if the `Host` header is not one valid authority (RFC 9112 §3.2).
   */
  get url(): URL {
    if (this.#url !== undefined) return this.#url;
    const base = this.#server?.url.href ?? "http://localhost";
    if (!URL.canParse(this.request.url, base) || this.request.headers.get("host")?.includes(",")) {
      throw new HttpError(400, "the Host header is not one valid host");
    }
    return (this.#url = new URL(this.request.url, base));
  }

  /**
   * Headers to be added to the answer, whatever the handler returns: each replaces one of the same name,
   * `set-cookie` is appended. Set them before the handler returns; after hooks change `response.headers` instead.
   */
  get responseHeaders(): Headers {
    return (this.#responseHeaders ??= new Headers());
  }

  /** @internal adds `responseHeaders` to the response, if there are any */
  addHeadersTo(response: Response): Response {
    if (this.#responseHeaders === undefined) return response;
    for (const [name, value] of this.#responseHeaders) {
      if (name === "set-cookie") response.headers.append(name, value);
      else response.headers.set(name, value);
    }
    return response;
  }

  /** Address of the TCP peer, or null where there is none (in process, unix socket). */
  get ipAddr(): string | null {
    return this.#server?.requestIP(this.request)?.address ?? null;
  }

  /** The running `Bun.Server`, or undefined in process. */
  get server(): BunServer | undefined {
    return this.#server;
  }

  /** State of this request, for hooks to hand values to handlers. Type it with `new Robyn<State>()`. */
  get state(): State {
    return (this.#state ??= Object.create(null) as State);
  }

  /** The body as text, UTF-8: `await text()`. May be called more than once, as may `bytes` and `json`. */
  get text(): () => Promise<string> {
    return () => this.#readText();
  }

  /** The body as bytes: `await bytes()`. */
  get bytes(): () => Promise<Uint8Array> {
    return () => this.#readBytes();
  }

  /**
   * The body parsed as JSON, whatever its media type says: `await json()`.
   * The promise rejects with HttpError 400 if it is not valid JSON.
   */
  get json(): () => Promise<unknown> {
    return () => this.#readText().then(parseBoundedJson);
  }

  /**
   * The body as form data, `application/x-www-form-urlencoded` or `multipart/form-data`: `await formData()`.
   * The promise rejects with HttpError 400 if it is malformed, 415 if it is neither.
   */
  get formData(): () => Promise<Form> {
    return () => parseForm(this.request);
  }

  /** Answers with a status: `status(201, note)`. */
  get status(): typeof status {
    return status;
  }

  /** Answers with HTML. */
  get html(): typeof html {
    return html;
  }

  /** Answers with a redirect. */
  get redirect(): typeof redirect {
    return redirect;
  }

  #readText(): Promise<string> {
    if (this.#bytes !== undefined)
      return this.#bytes.then((bytes) => new TextDecoder().decode(bytes));
    return (this.#text ??= this.request.text());
  }

  #readBytes(): Promise<Uint8Array> {
    if (this.#text !== undefined) return this.#text.then((text) => new TextEncoder().encode(text));
    return (this.#bytes ??= this.request.bytes());
  }
}
