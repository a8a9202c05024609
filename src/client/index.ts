/**
 * `robyn/client`: WebSockets that come back and event streams, typed by the application, for pages and for Bun.
 *
 * @example
 * import type { chat } from "./app.ts"; // export const chat = app.websocket("/chat/:room", …)
 * const socket = createClient<typeof chat>().connect("/chat/:room", { params: { room: "zig" } });
 * socket.send({ text: "hello" });
 * for await (const message of socket) show(message);
 */
import { type Environment, platform } from "./environment.ts";
import { ClientEvents, type EventsOptions } from "./events.ts";
import type { AnyConnectOptions, ConnectOptions } from "./options.ts";
import { ClientSocket } from "./socket.ts";
import type {
  OrComputed,
  PathOf,
  PlainQuery,
  ReceivedOf,
  RouteOptionsOf,
  SentOf,
} from "./types.ts";
import { Address, withQuery } from "./url.ts";

export { type ClientEvent, ClientEvents, type EventsOptions, type StreamEvents } from "./events.ts";
export type { CloseInfo } from "./link.ts";
export type {
  ConnectOptions,
  HeartbeatOptions,
  QueueOptions,
  ReconnectOptions,
} from "./options.ts";
export { ClientSocket, type SendResult, type SocketEvents } from "./socket.ts";
export { StreamError } from "./stream-response.ts";
export type { FromJson } from "./types.ts";

/** Options of a socket of `App` at `Path`. */
export type SocketOptions<App, Path extends PathOf<App>> = ConnectOptions<SentOf<App, Path>> &
  RouteOptionsOf<App, Path>;

type Empty = Record<never, never>;

/** Options may be left out where none is required. */
type Optional<Options> = Empty extends Options ? [options?: Options] : [options: Options];

/**
 * A client of the application `App`, which is `typeof app`; without it, any path takes any JSON.
 *
 * @param base URL of the server; pages may leave it out.
 * @throws TypeError for what is no URL
 */
export function createClient<App = unknown>(base?: string | URL): Client<App> {
  return new Client<App>(base, platform);
}

export class Client<App = unknown> {
  readonly #address: Address;
  readonly #environment: Environment;

  /** @internal */
  constructor(base: string | URL | undefined, environment: Environment) {
    this.#address = new Address(base);
    this.#environment = environment;
  }

  /**
   * A socket that connects at once, and again whenever the connection breaks.
   *
   * @param path as the route has it: `/chat/:room`
   * @throws TypeError, RangeError for options that cannot be
   */
  connect<const Path extends PathOf<App>>(
    path: Path,
    ...[options]: Optional<SocketOptions<App, Path>>
  ): ClientSocket<SentOf<App, Path>, ReceivedOf<App, Path>>;
  connect(path: string, options: AnyConnectOptions = {}): unknown {
    const { params = {}, query } = options;
    const url = this.#address.socket(path, params);
    return new ClientSocket(() => urlOf(url, query), options, this.#environment);
  }

  /**
   * The events of a stream. Nothing is requested before they are iterated over.
   *
   * @example for await (const { data } of client.events("/news", { parse: JSON.parse })) show(data);
   * @throws TypeError, RangeError for options that cannot be
   */
  events(path: string, options?: EventsOptions<string>): ClientEvents<string>;
  events<Data>(
    path: string,
    options: EventsOptions<Data> & { readonly parse: (data: string, event: string) => Data },
  ): ClientEvents<Data>;
  events(path: string, options: EventsOptions<unknown> = {}): ClientEvents<unknown> {
    const { params = {}, query, parse = (data: string) => data } = options;
    const url = this.#address.http(path, params);
    return new ClientEvents(() => urlOf(url, query), options, parse, this.#environment);
  }
}

function urlOf(url: URL, query: OrComputed<PlainQuery> = {}): string | Promise<string> {
  const given = typeof query === "function" ? query() : query;
  return given instanceof Promise ? given.then((it) => withQuery(url, it)) : withQuery(url, given);
}
