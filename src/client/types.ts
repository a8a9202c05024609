/** What the compiler knows of an application: `typeof app`, or of what `app.websocket()` returned. */

/** A route as its type describes it (`SocketContract` of the server); nothing is imported for it, not even a type. */
export interface AnyContract {
  readonly params: unknown;
  readonly query: unknown;
  readonly sent: unknown;
  readonly received: unknown;
  readonly raw: unknown;
}

/** WebSocket routes by their paths. Without a type of an application: any path, any JSON. */
export type SocketsOf<App> = unknown extends App
  ? { readonly [path: string]: Untyped }
  : App extends { readonly "~sockets"?: infer Sockets }
    ? NonNullable<Sockets>
    : Record<never, never>;

interface Untyped {
  readonly params: Readonly<Record<string, Scalar>>;
  readonly query: undefined;
  readonly sent: unknown;
  readonly received: unknown;
  readonly raw: Raw;
}

export type Scalar = string | number | boolean;
/** Undefined leaves a key out, a list repeats it. */
export type PlainQuery = Readonly<
  Record<string, Scalar | readonly (string | number)[] | null | undefined>
>;

/** Which messages go as they are: strings and bytes. The others are JSON. */
export type Raw = boolean | "sent" | "received";

export type PathOf<App> = keyof SocketsOf<App> & string;
type ContractOf<App, Path extends PathOf<App>> = SocketsOf<App>[Path] & AnyContract;

export type SentOf<App, Path extends PathOf<App>> = ContractOf<App, Path>["sent"];

/** What a client gets of what the server sent. */
export type ReceivedOf<App, Path extends PathOf<App>> =
  ContractOf<App, Path> extends { readonly raw: true | "received"; readonly received: infer AsItIs }
    ? AsItIs
    : FromJson<ContractOf<App, Path>["received"]>;

/** Parameters, query and the form of messages: required where the route needs them. */
export type RouteOptionsOf<App, Path extends PathOf<App>> = ParamsOption<
  ContractOf<App, Path>["params"]
> &
  QueryOption<ContractOf<App, Path>["query"]> &
  RawOption<ContractOf<App, Path>["raw"]>;

type ParamsOption<Params> = unknown extends Params
  ? Empty
  : [keyof Params] extends [never]
    ? { readonly params?: Params }
    : string extends keyof Params
      ? { readonly params?: Params }
      : { readonly params: Params };

/** A function is asked before every connection, for instance for a token that is still valid. */
type QueryOption<Query> = [Query] extends [undefined]
  ? { readonly query?: OrComputed<PlainQuery> }
  : Empty extends Query
    ? { readonly query?: OrComputed<Query> }
    : { readonly query: OrComputed<Query> };

export type OrComputed<Value> = Value | (() => Value | Promise<Value>);

type RawOption<Given> = false extends Given ? { readonly raw?: Given } : { readonly raw: Given };

type Empty = {};

/** What is left of a value once it was JSON: a `Date` is a string, a function is gone. */
export type FromJson<Value> = unknown extends Value
  ? Value
  : Value extends { toJSON(): infer Json }
    ? Json
    : Value extends string | number | boolean | null | undefined
      ? Value
      : Value extends (...given: never[]) => unknown
        ? never
        : Value extends object
          ? { [Name in keyof Value]: FromJson<Value[Name]> }
          : never;
