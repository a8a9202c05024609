/**
 * Definitions of WebSocket routes: plain data, as those of other routes. What becomes of them is decided in
 * `src/websocket/`, which this room does not know: `compile` is given it.
 */
import type { InjectedOf, Nothing } from "../injection/types.ts";
import type { Context, ContextSettings, PlainInputs } from "../request/context.ts";
import type { FileAnswer } from "../response/file.ts";
import type { StatusValue } from "../response/values.ts";
import type { Infer, Schema } from "../validation/schema.ts";
import type {
  AfterHook,
  AnyContext,
  AnyState,
  BeforeHook,
  PathParameters,
  Route,
} from "./route.ts";
import type { Joined, SocketContract, WithSocket } from "./socket-contract.ts";

/** What can be sent as it is. */
export type Bytes = ArrayBuffer | Uint8Array;

/**
 * What became of a message: `queued` waits for a client that takes less than it is sent, `dropped` did not find room, or
 * the socket is closed.
 */
export type SendResult = "sent" | "queued" | "dropped";

export interface SubscribeOptions {
  /** Seen by all who ask for the presence of the topic; JSON. */
  readonly as?: unknown;
}

export interface PublishOptions {
  /** Whether the message is compressed, where the client can take it. Default false. */
  readonly compress?: boolean;
}

/** One connection. `Out` is what may be sent. */
export interface Socket<Data = unknown, Params = unknown, Out = unknown> {
  /** Names this connection among all of all processes; for `app.send` and `except`. Not a secret. */
  readonly id: string;
  /** What `beforeUpgrade` returned. */
  readonly data: Data;
  /** Path parameters, as the schema `params` made them. */
  readonly params: Params;
  /** The subprotocol that was agreed on, `""` for none. */
  readonly protocol: string;
  readonly isOpen: boolean;
  /** Bytes that wait for the client. */
  readonly buffered: number;
  /** Topics that the socket is subscribed to. */
  readonly topics: readonly string[];
  /** Sends strings and bytes as they are, anything else as JSON; with the schema `response`, everything as JSON. */
  send(message: Out): SendResult;
  /** Resolves when nothing waits for the client any more, and when the socket is closed. */
  drained(): Promise<void>;
  /** To every other subscriber of the topic, in every process; to this one too with `self`. */
  publish(
    topic: string,
    message: Out,
    options?: PublishOptions & { readonly self?: boolean },
  ): void;
  /** @param options.as who this is, for `app.presence(topic)`: any JSON value. */
  subscribe(topic: string, options?: SubscribeOptions): void;
  unsubscribe(topic: string): void;
  /**
   * Sends a close frame. `close` runs at once.
   * @param code 1000 (default), 1001, 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4).
   * @param reason at most 123 bytes.
   * @throws RangeError for another code or a longer reason.
   */
  close(code?: number, reason?: string): void;
  /** Cuts the connection without a close frame. */
  terminate(): void;
}

/** The messages of a connection, in order, until it is closed. */
export interface MessageStream<Data = unknown, Params = unknown, In = unknown, Out = unknown>
  extends Socket<Data, Params, Out>, AsyncIterable<In> {}

/** What a listed or computed origin policy is asked. */
export type OriginCheck = (origin: string, context: AnyContext) => boolean | Promise<boolean>;
export type ProtocolChoice = (
  offered: readonly string[],
  context: AnyContext,
) => string | undefined;

type None = undefined;
type Given<Option, Otherwise> = [Option] extends [Schema] ? Infer<Option> : Otherwise;

/** What hooks and `beforeUpgrade` of a WebSocket route see. */
export type HandshakeContext<
  Path extends string,
  Params,
  Query,
  Headers_,
  Cookies,
  State extends object,
  Injected extends object,
> = Context<
  ParamsOf<Path, Params>,
  State,
  {
    query: Given<Query, PlainInputs["query"]>;
    headers: Given<Headers_, PlainInputs["headers"]>;
    cookies: Given<Cookies, PlainInputs["cookies"]>;
    body: undefined;
  }
> &
  Injected;

export type ParamsOf<Path extends string, Params> = [Params] extends [Schema]
  ? Extract<Infer<Params>, object>
  : PathParameters<Path>;
export type MessageOf<In> = Given<In, string | Uint8Array>;
export type OutgoingOf<Out> = Given<Out, unknown>;

/** Options of a WebSocket route with or without a long-running handler. */
export interface HandshakeOptions<
  Path extends string = string,
  State extends object = AnyState,
  In extends Schema | None = Schema | None,
  Out extends Schema | None = Schema | None,
  Params extends Schema | None = Schema | None,
  Query extends Schema | None = Schema | None,
  Headers_ extends Schema | None = Schema | None,
  Cookies extends Schema | None = Schema | None,
  Data = unknown,
  Injected extends object = Nothing,
> {
  /** Messages of the client: JSON, checked. Without it they come as they are, text as a string, binary as bytes. */
  schema?: In;
  /** Messages to the client: checked, undeclared fields dropped, sent as JSON. */
  response?: Out;
  params?: Params;
  query?: Query;
  headers?: Headers_;
  cookies?: Cookies;
  /**
   * Which pages may connect. Default: those of the same origin, as `scheme` and `host` of the context say; `"*"` for
   * any. Who sends no `Origin` is no browser, and is let in. Anybody else is 403.
   */
  origin?: "*" | string | readonly string[] | OriginCheck;
  /** Subprotocols that are spoken: the first that the client offers and that is listed is agreed on. Default: none. */
  protocols?: readonly string[] | ProtocolChoice;
  /** Bytes of the largest message; a larger one closes with 1009. Default: `websockets.maxPayload` of the app. */
  maxPayload?: number;
  /** What an invalid message does beside reaching `error`: `close` closes with 1003, 1007 or 1008. Default `keep`. */
  invalid?: "keep" | "close";
  /**
   * A client that does not take what it is sent: `close` closes with 1013 when half of `backpressureLimit` waits for it,
   * so that nobody misses a message unknowingly; `drop` drops what comes above the limit. Default `close`.
   */
  slow?: "close" | "drop";
  /** Whether messages of `send` are compressed, where the client can take it. Default false. */
  compress?: boolean;
  /** Seconds that hooks and `beforeUpgrade` may take: 503. Default: that of the app. */
  timeout?: number;
  beforeRequest?: BeforeHook<State, Injected> | readonly BeforeHook<State, Injected>[];
  /** Runs for handshakes that are refused. */
  afterRequest?: AfterHook<State, Injected> | readonly AfterHook<State, Injected>[];
  /** Decides last. What it returns is `data` of the socket, unless it is a `Response` or `status(…)`, which refuses. */
  beforeUpgrade?: (
    context: HandshakeContext<Path, Params, Query, Headers_, Cookies, State, Injected>,
  ) => Data | Promise<Data>;
  open?: (socket: SocketOf<Path, Out, Params, Data, Injected>) => unknown;
  close?: (
    socket: SocketOf<Path, Out, Params, Data, Injected>,
    code: number,
    reason: string,
  ) => unknown;
  /** Nothing waits for the client any more. */
  drain?: (socket: SocketOf<Path, Out, Params, Data, Injected>) => unknown;
  /** Is told of invalid messages (`MessageError`) and of what the other functions throw. */
  error?: (socket: SocketOf<Path, Out, Params, Data, Injected>, error: unknown) => unknown;
}

export interface SocketOptions<
  Path extends string = string,
  State extends object = AnyState,
  In extends Schema | None = Schema | None,
  Out extends Schema | None = Schema | None,
  Params extends Schema | None = Schema | None,
  Query extends Schema | None = Schema | None,
  Headers_ extends Schema | None = Schema | None,
  Cookies extends Schema | None = Schema | None,
  Data = unknown,
  Injected extends object = Nothing,
> extends HandshakeOptions<Path, State, In, Out, Params, Query, Headers_, Cookies, Data, Injected> {
  message?: (
    socket: SocketOf<Path, Out, Params, Data, Injected>,
    message: MessageOf<In>,
  ) => unknown;
}

/** A refusal is no data. */
type Kept<Data> = Exclude<Awaited<Data>, Response | StatusValue | FileAnswer>;

type SocketOf<Path extends string, Out, Params, Data, Injected> = Socket<
  Kept<Data>,
  ParamsOf<Path, Params>,
  OutgoingOf<Out>
> &
  Injected;

export type StreamOf<Path extends string, In, Out, Params, Data, Injected> = MessageStream<
  Kept<Data>,
  ParamsOf<Path, Params>,
  MessageOf<In>,
  OutgoingOf<Out>
> &
  Injected;

/** Returns when it is done, which closes with 1000; what it yields is sent. */
export type SocketHandler<Stream, Out> = (
  socket: Stream,
) => Promise<void> | AsyncGenerator<Out, void, unknown>;

/**
 * `app.websocket(path, options)` and `app.websocket(path, options, handler)`. The type of what they return knows the
 * route, for `robyn/client`.
 */
export interface DefineSocket<Self, State extends object, Prefix extends string> {
  <
    const Path extends string,
    In extends Schema | None = None,
    Out extends Schema | None = None,
    Params extends Schema | None = None,
    Query extends Schema | None = None,
    Headers_ extends Schema | None = None,
    Cookies extends Schema | None = None,
    Data = undefined,
  >(
    path: Path,
    options: SocketOptions<
      `${Prefix}${Path}`,
      State,
      In,
      Out,
      Params,
      Query,
      Headers_,
      Cookies,
      Data,
      InjectedOf<Self>
    >,
  ): Self & Added<Prefix, Path, In, Out, Query>;
  <
    const Path extends string,
    In extends Schema | None = None,
    Out extends Schema | None = None,
    Params extends Schema | None = None,
    Query extends Schema | None = None,
    Headers_ extends Schema | None = None,
    Cookies extends Schema | None = None,
    Data = undefined,
  >(
    path: Path,
    options: HandshakeOptions<
      `${Prefix}${Path}`,
      State,
      In,
      Out,
      Params,
      Query,
      Headers_,
      Cookies,
      Data,
      InjectedOf<Self>
    >,
    handler: SocketHandler<
      StreamOf<`${Prefix}${Path}`, In, Out, Params, Data, InjectedOf<Self>>,
      OutgoingOf<Out>
    >,
  ): Self & Added<Prefix, Path, In, Out, Query>;
}

type Added<Prefix extends string, Path extends string, In, Out, Query> = WithSocket<
  Joined<Prefix, Path>,
  SocketContract<`${Prefix}${Path}`, In, Out, Query>
>;

/** Options without their types: which message fits which function was decided where they were written. */
export interface AnySocketOptions extends Omit<SocketOptions, "message"> {
  message?: (socket: AnySocket, message: unknown) => unknown;
}

export type AnySocket = Socket<unknown, Record<string, string>>;

/** A definition without its types. */
export interface SocketDefinition {
  readonly options: AnySocketOptions;
  readonly handler: SocketHandler<MessageStream, unknown> | undefined;
}

/** Makes the handler that answers the handshakes of a route. */
export type Upgrade = (
  route: Route,
  validated: Validated,
  settings: ContextSettings,
) => (context: AnyContext) => unknown;
export type Validated = (
  handler: (context: AnyContext) => unknown,
) => (context: AnyContext) => unknown;
