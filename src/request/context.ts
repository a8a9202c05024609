/**
 * What a handler receives: a lazy view over the request. Every member is computed on first use, so a handler pays
 * for what it destructures and for nothing else. Every member can be destructured, the functions too.
 */
import { HttpError } from "../errors.ts";
import { canonicalPath } from "../http/path.ts";
import type { Dependencies } from "../injection/dependency.ts";
import type { RequestValues } from "../injection/request-values.ts";
import type { Logger } from "../logger.ts";
import type { Segment } from "../native/core.ts";
import {
  type CookieIdentity,
  type CookieOptions,
  serializeCookie,
  serializeDeletion,
  signCookie,
  verifyCookie,
} from "../response/cookies.ts";
import type { OpenStreams } from "../response/open-streams.ts";
import { type Audience, audienceOf } from "../response/audience.ts";
import type { Topics } from "../response/topics.ts";
import { html, redirect, status } from "../response/values.ts";
import { RequestBody, type StandardFormData } from "./body.ts";
import type { RequestLimits } from "./body-limit.ts";
import type { FormOptions } from "./form-options.ts";
import type { Form } from "./form.ts";
import { RequestLife } from "./life.ts";
import { isHost, type Origin, type TrustedProxies } from "./proxies.ts";
import { parseQuery, type Query } from "./query.ts";

/** The running Bun server; absent where the request came in process. */
export type BunServer = Bun.Server<unknown>;

/** @internal what factories have made for a request: a property that only those contexts have that need it */
export const held: unique symbol = Symbol("values of the request");

/** What every context of an application shares. */
export interface ContextSettings {
  /** Whether a trailing slash is significant. */
  readonly strict: boolean;
  /** Keys of signed cookies: the first signs, all verify. */
  readonly cookieKeys: readonly string[];
  readonly logger: Logger;
  /** Streams to end when the server drains. */
  readonly openStreams: OpenStreams;
  /** What event streams subscribe to. */
  readonly topics: Topics;
  /** Limits of the route, or of the app where there is none. */
  readonly limits: RequestLimits;
  readonly proxies: TrustedProxies | undefined;
  /** What the listeners of the cluster share; opened by the first who asks for it. */
  readonly segment: () => Segment;
  /** The route, for the log: `GET /users/:id`. */
  readonly route: string;
  /** What contexts are made of: a class with the injected names of the route, or `Context` itself. */
  readonly contextClass: typeof Context;
  readonly dependencies: Dependencies;
}

/** What schemas may replace by validated values. */
export interface Inputs {
  query: unknown;
  headers: unknown;
  cookies: unknown;
  body: unknown;
}

/** @internal members that a context has beside those of its class; a test holds the list against it. */
export const contextFields = ["request", "params", "isHead", "contentLength"] as const;

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
  /** @internal whether the answer goes out without its body: the dispatcher knows the method, and reading it costs. */
  isHead = false;
  /** @internal */
  declare [held]?: RequestValues;
  /** @internal what `Content-Length` says, once `guardBody` has looked: a second look would cost as much as the first. */
  contentLength: number | undefined = undefined;
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
  #fields: (readonly [name: string, value: string])[] | undefined;
  #requestBody: RequestBody | undefined;
  #bodyText: string | undefined;
  #life: RequestLife | undefined;
  #origin: Origin | null | undefined;

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

  /** Aborts when the client leaves, and when the handler has taken longer than its `timeout`. */
  get signal(): AbortSignal {
    return this.#lifeOf().signal;
  }

  /**
   * The canonical path: what routes and hooks were matched with. Still percent-encoded, without query. Where the URL was
   * refused (400, 414) there is none; hooks then see what came, as it came.
   */
  get path(): string {
    return this.canonicalPath ?? rawPath(this.request.url);
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
   * The whole URL. Scheme and host are those of `scheme` and `host`: without trusted proxies the host is what the
   * client sent, so do not build links from it.
   * @throws HttpError 400 if the `Host` header is not one valid authority (RFC 9112 §3.2).
   */
  get url(): URL {
    if (this.#url !== undefined) return this.#url;
    const base = this.#server?.url.href ?? "http://localhost";
    if (!URL.canParse(this.request.url, base) || this.request.headers.get("host")?.includes(",")) {
      throw new HttpError(400, "the Host header is not one valid host");
    }
    const url = new URL(this.request.url, base);
    const { scheme = url.protocol.slice(0, -1), host = url.host } = this.#forwarded() ?? {};
    return (this.#url = new URL(`${scheme}://${host}${url.pathname}${url.search}${url.hash}`));
  }

  /**
   * Headers to be added to the answer, whatever the handler returns: each replaces one of the same name,
   * `set-cookie` is appended. Set them before the handler returns; after hooks change `response.headers` instead.
   */
  get responseHeaders(): Headers {
    return (this.#responseHeaders ??= new Headers());
  }

  /**
   * @internal fields of the framework's own for the answer, appended to those of the same name. A `Headers` object between
   * them and the response would double what they cost.
   */
  addField(name: string, value: string): void {
    (this.#fields ??= []).push([name, value]);
  }

  /** @internal told of a response that the application has made itself, which may be a stream unnoticed */
  noteOwnResponse(response: Response): Response {
    return response;
  }

  /** @internal adds the fields to the response, if there are any */
  addFieldsTo(response: Response): Response {
    if (this.#fields !== undefined)
      for (const [name, value] of this.#fields) response.headers.append(name, value);
    return response;
  }

  /** @internal the same for a response that an application may throw for each request: nothing of the last one stays */
  replaceFieldsOf(response: Response): Response {
    if (this.#fields !== undefined)
      for (const [name] of this.#fields) response.headers.delete(name);
    return this.addFieldsTo(response);
  }

  /** @internal adds `responseHeaders` and fields to the response, if there are any */
  addHeadersTo(response: Response): Response {
    this.addFieldsTo(response);
    if (this.#responseHeaders === undefined) return response;
    for (const [name, value] of this.#responseHeaders) {
      if (name === "set-cookie") response.headers.append(name, value);
      else response.headers.set(name, value);
    }
    return response;
  }

  /** @internal puts others in the place of `responseHeaders`, to tell what a handler sets from what hooks have set */
  exchangeResponseHeaders(others: Headers | undefined): Headers | undefined {
    const former = this.#responseHeaders;
    this.#responseHeaders = others;
    return former;
  }

  /**
   * @internal the same request for work that outlives its answer: headers are copied, because Bun drops them with the
   * connection; there is neither body nor peer. Undefined where the URL is no whole one.
   */
  detach(): Context<Params, State, Given> | undefined {
    const { url, headers } = this.request;
    if (!URL.canParse(url)) return undefined;
    const request = new Request(url, { headers });
    const { contextClass: Detached } = this.#settings;
    const copy = new Detached<Params, State, Given>(
      request,
      this.#server,
      this.params,
      this.#settings,
    );
    copy.#state = this.#state;
    return copy;
  }

  /**
   * Sets a cookie: `setCookie("theme", "dark", { maxAge: 86_400 })`. Path `/` and SameSite `Lax` unless told otherwise.
   * @throws TypeError for what browsers would drop or misread (`src/response/cookies.ts`).
   */
  get setCookie(): (name: string, value: string, options?: CookieOptions) => void {
    return (name, value, options) =>
      this.responseHeaders.append("set-cookie", serializeCookie(name, value, options));
  }

  /** Deletes a cookie. A browser finds it only by the path and domain that it was set with. */
  get deleteCookie(): (name: string, identity?: CookieIdentity) => void {
    return (name, identity) =>
      this.responseHeaders.append("set-cookie", serializeDeletion(name, identity));
  }

  /**
   * Sets a cookie that the client can read but not change: HMAC-SHA256 over name and value with the first of `cookieKeys`.
   * @throws as `setCookie`; RobynError ROBYN_COOKIE_KEYS_INVALID without keys.
   */
  get setSignedCookie(): (name: string, value: string, options?: CookieOptions) => void {
    return (name, value, options) =>
      this.setCookie(name, signCookie(name, value, this.#settings.cookieKeys), options);
  }

  /** The value of a signed cookie of the request; undefined if it is missing or anything about it was changed. */
  get signedCookie(): (name: string) => string | undefined {
    return (name) => {
      const signed = new Bun.CookieMap(this.request.headers.get("cookie") ?? "").get(name);
      return signed === null ? undefined : verifyCookie(name, signed, this.#settings.cookieKeys);
    };
  }

  /** @internal what the listeners of the cluster share */
  get segment(): Segment {
    return this.#settings.segment();
  }

  /** @internal what a streamed answer needs */
  get audience(): Audience {
    return audienceOf(this.request, this.#server, this.#settings);
  }

  /**
   * Address of the client: the TCP peer, or what `trustedProxies` say if the peer is one of them.
   * Null where there is no peer (in process, unix socket).
   */
  get ipAddr(): string | null {
    return this.#forwarded()?.address ?? this.#peer;
  }

  /** `http` or `https`: of the connection, or what `trustedProxies` say if the peer is one of them. */
  get scheme(): "http" | "https" {
    const own =
      this.#server?.url.protocol ?? new URL(this.request.url, "http://localhost").protocol;
    return this.#forwarded()?.scheme ?? (own === "https:" ? "https" : "http");
  }

  /**
   * Host and port that the client asked for (`example.com:8080`): the `Host` header, or what `trustedProxies` say if
   * the peer is one of them. Anybody can send any `Host`: compare it with those that are yours before using it.
   * @throws HttpError 400 if it is not one valid host (RFC 9110 §7.2).
   */
  get host(): string {
    const forwarded = this.#forwarded()?.host;
    if (forwarded !== undefined) return forwarded;
    const sent = this.request.headers.get("host");
    if (sent === null) return this.url.host;
    if (!isHost(sent)) throw new HttpError(400, "the Host header is not one valid host");
    return sent;
  }

  /** The running `Bun.Server`, or undefined in process. */
  get server(): BunServer | undefined {
    return this.#server;
  }

  /** State of this request, for hooks to hand values to handlers. Type it with `new Robyn<State>()`. */
  get state(): State {
    return (this.#state ??= Object.create(null) as State);
  }

  /** The body as text, UTF-8: `await text()`. May be called more than once, as may `bytes`, `json` and `form`. */
  get text(): () => Promise<string> {
    return () => this.#bodyOf().text();
  }

  /** The body as bytes: `await bytes()`. */
  get bytes(): () => Promise<Uint8Array> {
    return () => this.#bodyOf().bytes();
  }

  /**
   * The body parsed as JSON, whatever its media type says: `await json()`.
   * The promise rejects with HttpError 400 if it is not valid JSON.
   */
  get json(): () => Promise<unknown> {
    return () => this.#bodyOf().json();
  }

  /**
   * The body as it comes: `stream()`, once; null where there is none. It fails with HttpError 413 above the body limit.
   * A body without `Content-Length` comes as it is sent only where the route says `stream: true`.
   */
  get stream(): () => ReadableStream<Uint8Array> | null {
    return () => this.#bodyOf().stream();
  }

  /**
   * The body as a form, multipart (RFC 7578) or urlencoded: `const { fields, files } = await form()`. Files larger
   * than `maxMemory` are streamed to a private temporary file, which is removed when the request ends.
   *
   * The promise rejects with HttpError 400 if the form is malformed, 413 above one of its limits, 415 if the body is
   * no form.
   *
   * @param options limits; those of the route option `form` hold where nothing is said. Read once: the first call decides.
   */
  get form(): (options?: FormOptions) => Promise<Form> {
    return (options = {}) => {
      const life = this.#lifeOf();
      return this.#bodyOf().form(options, (release) => life.onEnd(release));
    };
  }

  /** The body as standard `FormData`, all of it in memory: `await formData()`. The promise rejects as that of `form`. */
  get formData(): () => Promise<StandardFormData> {
    return () => this.#bodyOf().formData();
  }

  /** @internal a schema has read the body: what `text`, `json` and the others give from now on */
  keepText(text: string): void {
    this.#bodyText = text;
  }

  /** @internal whether a hook has asked for the body: it is kept then. `request.bodyUsed` says it at 25 ns. */
  get hasBody(): boolean {
    return this.#requestBody !== undefined;
  }

  /** @internal the route, for the log */
  get route(): string {
    return this.#settings.route;
  }

  /** @internal limits of the route */
  get limits(): RequestLimits {
    return this.#settings.limits;
  }

  /** @internal whether the handler waits for a body that the client has not sent yet */
  get isReading(): boolean {
    return this.#requestBody?.isReading ?? false;
  }

  /** @internal time is up */
  expire(reason: DOMException): void {
    this.#lifeOf().expire(reason);
  }

  /** @internal the answer is made; a chain without promises has nothing to release */
  conclude(response: Response | Promise<Response>): Response | Promise<Response> {
    if (this.#life === undefined) return response;
    if (!(response instanceof Promise)) {
      this.#life.end();
      return response;
    }
    return response.finally(() => this.#life?.end());
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

  get #peer(): string | null {
    return this.#server?.requestIP(this.request)?.address ?? null;
  }

  #forwarded(): Origin | null {
    const { proxies } = this.#settings;
    if (proxies === undefined) return null;
    return (this.#origin ??= proxies.originOf(this.request.headers, this.#peer) ?? null);
  }

  #bodyOf(): RequestBody {
    return (this.#requestBody ??= new RequestBody(
      this.request,
      this.#server,
      this.#settings.limits,
      this.#bodyText,
    ));
  }

  #lifeOf(): RequestLife {
    return (this.#life ??= new RequestLife(this.request));
  }
}

/** `new URL` throws for some of what is refused, so the text is cut. */
function rawPath(url: string): string {
  return url.replace(/^[A-Za-z][\w+.-]*:\/\/[^/?#]*/, "").replace(/[?#].*$/s, "") || "/";
}
