/** Definitions: plain data, nothing native yet. */
import type { Injection } from "../injection/injection.ts";
import type { Nothing } from "../injection/types.ts";
import type { Context, PlainInputs } from "../request/context.ts";
import type { FormOptions } from "../request/form-options.ts";
import type { FileAnswer } from "../response/file.ts";
import type { RateLimitOptions } from "./rate-limit-options.ts";
import type { StatusValue } from "../response/values.ts";
import type { CachePolicy } from "./cache-policy.ts";
import type { Infer, InferGiven, Schema } from "../validation/schema.ts";
import type { SocketDefinition } from "./socket-route.ts";

/** Names in a path: `"/users/:id/*rest"` gives `{ id: string; rest: string }`, a bare `*` gives `"*"`. */
export type PathParameters<Path extends string> = string extends Path
  ? Record<string, string>
  : { [Name in ParameterNames<Path>]: string };

type ParameterNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParameterName<Segment> | ParameterNames<Rest>
  : ParameterName<Path>;

type ParameterName<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : Segment extends "*"
    ? "*"
    : Segment extends `*${infer Name}`
      ? Name
      : never;

/** Returns a plain value, a `Response`, or a promise of either (`src/response/to-response.ts` lists the values). */
export type Handler<
  Params extends object,
  State extends object,
  Injected extends object = Nothing,
> = (context: Context<Params, State> & Injected) => unknown;

/** Schemas of a route. What they say is validated at run time and known to the handler at compile time. */
export interface RouteSchemas {
  /** Path parameters; strings are coerced to what the schema asks for. */
  readonly params?: Schema;
  /** Query; strings are coerced, a key given once is a list where the schema asks for one. */
  readonly query?: Schema;
  /** Request headers, names in lower case; strings are coerced. */
  readonly headers?: Schema;
  /** Request cookies; strings are coerced. */
  readonly cookies?: Schema;
  /** Request body: JSON, never coerced; or a form, where `bodyType` says so. */
  readonly body?: Schema;
  /** Answers: one schema for plain values, or one per status. Undeclared fields are dropped. */
  readonly response?: Schema | ResponseSchemas;
}

export interface ResponseSchemas {
  readonly [status: number]: Schema;
}

/** What a handler sees once its schemas have been checked. */
export type ContextOf<
  Path extends string,
  Options,
  State extends object,
  Injected extends object = Nothing,
> = Context<
  Options extends { params: infer Given } ? Extract<Infer<Given>, object> : PathParameters<Path>,
  State,
  {
    query: Options extends { query: infer Given } ? Infer<Given> : PlainInputs["query"];
    headers: Options extends { headers: infer Given } ? Infer<Given> : PlainInputs["headers"];
    cookies: Options extends { cookies: infer Given } ? Infer<Given> : PlainInputs["cookies"];
    body: Options extends { body: infer Given } ? Infer<Given> : PlainInputs["body"];
  }
> &
  Injected;

/** What a handler may return, by its response schemas. A `Response` of its own is never checked. */
export type AnswerOf<Options> = Options extends { response: infer Given }
  ? Eventually<Response | FileAnswer | DeclaredAnswer<Given, PlainStatus<Options>>>
  : unknown;

type Eventually<Value> = Value | Promise<Value>;
type PlainStatus<Options> = Options extends { statusCode: infer Code extends number } ? Code : 200;

type DeclaredAnswer<Given, Plain extends number> = keyof Given extends number
  ? {
      [Code in keyof Given]:
        | StatusValue<Extract<Code, number>, InferGiven<Given[Code]>>
        | (Code extends Plain ? InferGiven<Given[Code]> : never);
    }[keyof Given]
  : InferGiven<Given> | StatusValue<number, InferGiven<Given>>;

/** Returns nothing to go on, or any value to answer with it and skip what comes after. */
export type BeforeHook<State extends object, Injected extends object = Nothing> = (
  context: Context<Record<string, string>, State> & Injected,
) => unknown;

/** Returns nothing to keep the response, or a value that replaces it. */
export type AfterHook<State extends object, Injected extends object = Nothing> = (
  response: Response,
  context: Context<Record<string, string>, State> & Injected,
) => unknown;

/** Returns a value to answer with it, or nothing to leave the error to the next handler outwards. */
export type ExceptionHandler<State extends object, Injected extends object = Nothing> = (
  error: unknown,
  context: Context<Record<string, string>, State> & Injected,
) => unknown;

export interface RouteOptions<
  State extends object = AnyState,
  Injected extends object = Nothing,
> extends RouteSchemas {
  /** Runs the handler once, at start, and answers with its stored result. GET (and HEAD) only. Default false. */
  const?: boolean;
  /**
   * Keeps answers for a while, for the whole cluster: seconds, or a policy. GET (and HEAD) only. Hooks run on every
   * request; the handler, and its schemas, only where nothing is kept. See docs/caching.md.
   */
  cache?: number | CachePolicy<State, Injected>;
  /**
   * How the body is read for its schema: `json` takes JSON media types (RFC 6839 `+json` too), `form` takes
   * `multipart/form-data` and `application/x-www-form-urlencoded`. Anything else is 415. Default `json`, or `form` where the schema has files.
   */
  bodyType?: "json" | "form";
  /** Status for plain values; an explicit `Response` or `status()` wins. Default 200. */
  statusCode?: number;
  /** Headers of every answer of this route, errors included, that the answer does not set itself. */
  responseHeaders?: Readonly<Record<string, string>>;
  /** Bytes of the request body, more or less than the app allows; a larger one is 413. Default: that of the app. */
  maxPayloadSize?: number;
  /**
   * Starts the handler before a body of unknown length (chunked) has come, for uploads larger than memory. Without it
   * such a body is read first, so that an oversized one is 413 whatever the handler does; with it the reader is told
   * (`form`, `stream`, `text`, … fail with 413), and the request cannot be cloned. Default false, true where `bodyType` is `form`.
   */
  stream?: boolean;
  /** Limits of forms, for `form()` and for a schema with `bodyType: "form"`. */
  form?: FormOptions;
  /** Seconds until a handler that has not answered is given up: 503, `signal` aborts. 0: never. Default: that of the app. */
  timeout?: number;
  /**
   * Seconds that a client may take to send the body, on top of `timeout`. Default: Bun closes connections that send
   * less than 16 KiB/s for `keepAliveTimeout` seconds.
   */
  uploadTimeout?: number;
  /** How often a client may ask; of several windows all have to allow. Decided last before the handler. */
  rateLimit?: RateLimitOptions<State, Injected> | readonly RateLimitOptions<State, Injected>[];
  /** Hooks of this route alone; they run innermost. */
  beforeRequest?: BeforeHook<State, Injected> | readonly BeforeHook<State, Injected>[];
  afterRequest?: AfterHook<State, Injected> | readonly AfterHook<State, Injected>[];
}

/** Names of the options, to refuse unknown ones instead of passing over them. */
export const routeOptionNames = [
  "const",
  "cache",
  "statusCode",
  "params",
  "query",
  "headers",
  "cookies",
  "body",
  "bodyType",
  "response",
  "responseHeaders",
  "maxPayloadSize",
  "stream",
  "form",
  "timeout",
  "uploadTimeout",
  "rateLimit",
  "beforeRequest",
  "afterRequest",
] as const satisfies readonly (keyof RouteOptions)[];

/** A hook and where it applies: everywhere in its scope, or on the paths of a pattern. */
export interface ScopedHook<Hook> {
  readonly hook: Hook;
  /** Full pattern (prefixes included), or undefined for the whole scope. */
  readonly pattern: string | undefined;
}

/** Any route, its types erased: definitions are typed where they are written, records are plain. */
export type AnyState = Record<string, unknown>;
export type AnyContext = Context<Record<string, string>, AnyState>;

/** The options of a route that was given none. */
export const noOptions: RouteOptions<AnyState> = Object.freeze({});

export interface Route {
  readonly method: string;
  /** Full path, prefixes included, as written. */
  readonly path: string;
  readonly handler: Handler<Record<string, string>, AnyState>;
  readonly options: RouteOptions<AnyState>;
  /** A WebSocket route, whose method is GET. */
  readonly socket?: SocketDefinition;
  /** Where it was defined; its stack is read only when a message or a listing needs it. */
  readonly definedAt: Error;
  /** Scopes around the route, outermost first. */
  readonly scopes: readonly Scope[];
}

/** What an app or a SubRouter contributes to the routes inside it. */
export interface Scope {
  readonly before: readonly ScopedHook<BeforeHook<AnyState>>[];
  readonly after: readonly ScopedHook<AfterHook<AnyState>>[];
  readonly exceptions: readonly ExceptionHandler<AnyState>[];
  readonly injections: readonly Injection[];
  /** The scope around this one. */
  readonly outer: Scope | undefined;
  /** Prefix of the scope, `""` for the app. */
  readonly prefix: string;
  readonly tags: readonly string[];
}

/** `file:line` of a definition: the first frame that is not the framework's own. */
export function locationOf(definedAt: Error): string | undefined {
  const frames = (definedAt.stack ?? "")
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "));
  const frame = frames.find((line) => !line.includes(ownDirectory));
  const location = frame?.match(/\(?([^()\s]+):(\d+):\d+\)?$/);
  if (location === null || location === undefined) return undefined;
  return `${shorten(location[1]!)}:${location[2]}`;
}

/** `src/` of the framework. In a compiled binary every frame is in one file, so nothing is filtered there. */
const ownDirectory = Bun.isStandaloneExecutable
  ? "\0"
  : `${import.meta.dir.slice(0, -"routing".length)}`;

function shorten(file: string): string {
  const here = `${process.cwd()}/`;
  return file.startsWith(here) ? file.slice(here.length) : file;
}
