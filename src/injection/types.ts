/**
 * What the compiler knows of injected names. As the WebSocket routes of an app, they are carried by the type of what
 * `inject()` returns, in a property that no value ever has.
 */
import type { Context } from "../request/context.ts";
import type { PerApp, PerRequest } from "./providers.ts";

/** The router with more names. */
export interface Injecting<Names extends object> {
  readonly "~injected"?: Names;
}

/** The names that handlers of a router see: `InjectedOf<typeof app>`, for SubRouters in other files. */
export type InjectedOf<Self> = Self extends { readonly "~injected"?: infer Names }
  ? NonNullable<Names>
  : Nothing;

/** A router that declares names which routers around it have to inject: who includes it must have them. */
export interface Needing<Names extends object> {
  readonly "~needs"?: (names: Names) => void;
}

/** An intersection with it is what it was without. */
export type Nothing = {};

/** Anything: `unknown` would hide from the compiler what the factories beside it are given. */
type Plain = {} | null | undefined;

/** What `inject()` takes. Factories know the names of the calls before theirs. */
export interface Injectables<State extends object, Known> {
  readonly [name: string]:
    | PerRequest<Context<Record<string, string>, State> & Known, unknown>
    | PerApp<Known, unknown>
    | Plain;
}

/** Names that every context has are refused by the compiler already; the others at run time. */
export type NotTaken<Given> = { readonly [Name in Extract<keyof Given, keyof Context>]: never };

/** What handlers get: of a factory per request what it returns, of one per app what that resolves to. */
export type ValuesOf<Given> = {
  readonly [Name in keyof Given]: Given[Name] extends PerRequest<never, infer Value>
    ? Value
    : Given[Name] extends PerApp<never, infer Value>
      ? Value
      : Given[Name];
};
