/**
 * `robyn/testing`: a client for tests. In process it goes through the same dispatch as a socket; with
 * `{ socket: true }` the very same test runs over a real one.
 *
 * @example
 * await using client = createClient(app);
 * const response = await client.post("/notes", { json: { title: "Milk" } });
 * expect(response.status).toBe(201);
 */
import type { Robyn } from "../app.ts";
import type { RunningServer } from "../server/lifecycle.ts";
import { CookieJar } from "./cookie-jar.ts";
import { TestSocket, type TestSocketOptions } from "./web-socket.ts";

export { CookieJar };
export {
  type CloseInfo,
  HandshakeError,
  TestSocket,
  type TestSocketOptions,
} from "./web-socket.ts";

export interface ClientOptions {
  /** Starts the app on a free port and sends over TCP, startup and shutdown handlers included. Default false. */
  readonly socket?: boolean;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Other values, or providers, in the place of injected ones, by name, until the client is closed. What they replace is
   * not made. One client at a time replaces a name.
   */
  readonly inject?: Readonly<Record<string, unknown>>;
}

/** What of an application is tested. */
type Tested = Pick<Robyn, "start" | "request" | "replaceInjected">;

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Appended to the path; a list repeats its key. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Sent as JSON with its media type. */
  readonly json?: unknown;
  /** Sent as `multipart/form-data`; see `multipart`. */
  readonly form?: MultipartFields;
  /** Sent as it is. */
  readonly body?: Bun.BodyInit;
  readonly signal?: AbortSignal;
}

export type MultipartFields = Readonly<Record<string, FieldValue | readonly FieldValue[]>>;
type FieldValue = string | Blob;

/** A client of `app`. Cookies are kept from one request to the next; redirects are not followed. */
export function createClient(app: Tested, options: ClientOptions = {}): TestClient {
  return new TestClient(app, options);
}

export class TestClient {
  /** What the server has set so far; tests may add and remove. */
  readonly cookies: CookieJar = new CookieJar();
  readonly #app: Tested;
  readonly #options: ClientOptions;
  #restore: (() => Promise<void>) | undefined;
  #running: Promise<RunningServer> | undefined;

  constructor(app: Tested, options: ClientOptions) {
    this.#app = app;
    this.#options = options;
    if (options.inject !== undefined) this.#restore = app.replaceInjected(options.inject);
  }

  get(path: string, options?: SendOptions): Promise<Response> {
    return this.send("GET", path, options);
  }

  head(path: string, options?: SendOptions): Promise<Response> {
    return this.send("HEAD", path, options);
  }

  post(path: string, options?: SendOptions): Promise<Response> {
    return this.send("POST", path, options);
  }

  put(path: string, options?: SendOptions): Promise<Response> {
    return this.send("PUT", path, options);
  }

  patch(path: string, options?: SendOptions): Promise<Response> {
    return this.send("PATCH", path, options);
  }

  delete(path: string, options?: SendOptions): Promise<Response> {
    return this.send("DELETE", path, options);
  }

  options(path: string, options?: SendOptions): Promise<Response> {
    return this.send("OPTIONS", path, options);
  }

  /** @param path begins with `/`; it may have a query of its own. */
  async send(method: string, path: string, options: SendOptions = {}): Promise<Response> {
    if (!path.startsWith("/"))
      throw new TypeError(`the client was given ${JSON.stringify(path)}; a path begins with "/"`);
    const base =
      this.#options.socket === true ? (await this.#start()).url.origin : "http://localhost";
    const url = base + withQuery(path, options.query);
    const headers = new Headers({ ...this.#options.headers, ...options.headers });
    const cookie = this.cookies.header(new URL(url));
    if (cookie !== "" && !headers.has("cookie")) headers.set("cookie", cookie);
    const init = {
      method,
      headers,
      body: bodyOf(options, headers),
      redirect: "manual",
      signal: options.signal,
    } as const;
    const response =
      this.#options.socket === true ? await fetch(url, init) : await this.#app.request(url, init);
    this.cookies.store(new URL(url), response.headers.getSetCookie());
    return response;
  }

  /**
   * Connects to a WebSocket route, always over TCP; the cookies of the client are sent along.
   *
   * @throws HandshakeError with the status of the refusal
   */
  async websocket(path: string, options: TestSocketOptions = {}): Promise<TestSocket> {
    const { href } = new URL(path, (await this.#start()).url);
    const headers = new Headers({ ...this.#options.headers, ...options.headers });
    const cookie = this.cookies.header(new URL(href));
    if (cookie !== "" && !headers.has("cookie")) headers.set("cookie", cookie);
    return await TestSocket.connect(href.replace(/^http/, "ws"), {
      ...options,
      headers: headers.toJSON(),
    });
  }

  /** Stops what was started, and puts back what was replaced. */
  async close(): Promise<void> {
    const restore = this.#restore;
    this.#restore = undefined;
    try {
      const running = await this.#running;
      this.#running = undefined;
      await running?.stop();
    } finally {
      await restore?.();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(): Promise<RunningServer> {
    return (this.#running ??= this.#app.start({
      host: "127.0.0.1",
      port: 0,
      banner: false,
      signals: false,
    }));
  }
}

/** A multipart body from an object: strings are fields, `File` and `Blob` are files, a list repeats its name. */
export function multipart(fields: MultipartFields): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? value : [value]) form.append(name, item);
  }
  return form;
}

function bodyOf(options: SendOptions, headers: Headers): Bun.BodyInit | undefined {
  if (options.form !== undefined) return multipart(options.form);
  if (options.json === undefined) return options.body;
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return JSON.stringify(options.json);
}

function withQuery(path: string, query: SendOptions["query"]): string {
  if (query === undefined) return path;
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) parameters.append(key, String(item));
  }
  return `${path}${path.includes("?") ? "&" : "?"}${parameters}`;
}
