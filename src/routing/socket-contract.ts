/**
 * What a client must know of a WebSocket route, carried in the type of what `websocket()` returns. It exists for the
 * compiler only: no value ever has the property. A string is its name, so that `robyn/client` needs no import to read it.
 */
import type { Infer, InferGiven, Schema } from "../validation/schema.ts";
import type { PathParameters } from "./route.ts";

export interface SocketContract<Path extends string, In, Out, Query> {
  readonly params: { readonly [Name in keyof PathParameters<Path>]: string | number | boolean };
  /** Undefined where the route has no schema for it. */
  readonly query: [Query] extends [Schema] ? InferGiven<Query> : undefined;
  readonly sent: [In] extends [Schema] ? InferGiven<In> : string | Uint8Array | ArrayBuffer;
  readonly received: [Out] extends [Schema] ? Infer<Out> : string | Uint8Array;
  /** Which of both go as they are, and not as JSON. */
  readonly raw: [In] extends [Schema]
    ? [Out] extends [Schema]
      ? false
      : "received"
    : [Out] extends [Schema]
      ? "sent"
      : true;
}

/** The router with one more WebSocket route, at its full path. */
export interface WithSocket<Path extends string, Contract> {
  readonly "~sockets"?: { readonly [It in Path]: Contract };
}

/** The WebSocket routes of an included router, below the prefix of the one that includes it. */
export type SocketsOf<Included, Prefix extends string> = Included extends {
  readonly "~sockets"?: infer Sockets;
}
  ? { readonly "~sockets"?: Below<Sockets, Prefix> }
  : unknown;

type Below<Sockets, Prefix extends string> = {
  readonly [
    Path in keyof NonNullable<Sockets> & string as Joined<Prefix, Path>
  ]: NonNullable<Sockets>[Path];
};

/** `/admin` + `/` is `/admin`, as `joinPath` has it. */
export type Joined<Prefix extends string, Path extends string> = Prefix extends `${infer Start}/`
  ? Joined<Start, Path>
  : Prefix extends ""
    ? Path
    : Path extends "/"
      ? Prefix
      : `${Prefix}${Path}`;
