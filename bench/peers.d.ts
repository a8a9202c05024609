/**
 * As much of each peer as the benchmark calls. With it the project type-checks without bench/node_modules, which most
 * people who work on the framework never install; and a checkout with them is checked against the same words.
 */

declare module "elysia" {
  interface Types {
    Object<Fields>(fields: Fields): { readonly fields: Fields };
    String(limits?: object): { readonly value: string };
    Integer(limits?: object): { readonly value: number };
    Boolean(): { readonly value: boolean };
  }
  interface Schema<Fields> {
    readonly fields: Fields;
  }
  interface Options<Params, Query, Body> {
    readonly params?: Schema<Params>;
    readonly query?: Schema<Query>;
    readonly body?: Schema<Body>;
    readonly response?: object;
  }
  interface Checked<Params, Query, Body> {
    readonly params: Values<Params>;
    readonly query: Values<Query>;
    readonly body: Values<Body>;
  }
  type Values<Fields> = {
    readonly [Name in keyof Fields]: Fields[Name] extends { readonly value: infer Value }
      ? Value
      : never;
  };
  export const t: Types;
  export class Elysia {
    readonly server: { readonly port: number | undefined } | null;
    get(path: string, handler: ((context: { params: { id?: string } }) => unknown) | object): this;
    get<Params, Query, Body>(
      path: string,
      handler: (context: Checked<Params, Query, Body>) => unknown,
      options: Options<Params, Query, Body>,
    ): this;
    post<Params, Query, Body>(
      path: string,
      handler: (context: Checked<Params, Query, Body>) => unknown,
      options: Options<Params, Query, Body>,
    ): this;
    onBeforeHandle(hook: () => void): this;
    onAfterHandle(hook: () => void): this;
    listen(options: { hostname: string; port: number }): this;
  }
}

declare module "elysia-next" {
  interface Types {
    Object<Fields>(fields: Fields): { readonly fields: Fields };
    String(limits?: object): { readonly value: string };
    Integer(limits?: object): { readonly value: number };
    Boolean(): { readonly value: boolean };
  }
  interface Schema<Fields> {
    readonly fields: Fields;
  }
  interface Options<Params, Query, Body> {
    readonly params?: Schema<Params>;
    readonly query?: Schema<Query>;
    readonly body?: Schema<Body>;
    readonly response?: object;
  }
  interface Checked<Params, Query, Body> {
    readonly params: Values<Params>;
    readonly query: Values<Query>;
    readonly body: Values<Body>;
  }
  type Values<Fields> = {
    readonly [Name in keyof Fields]: Fields[Name] extends { readonly value: infer Value }
      ? Value
      : never;
  };
  export const t: Types;
  export class Elysia {
    readonly server: { readonly port: number | undefined } | null;
    get(path: string, handler: ((context: { params: { id?: string } }) => unknown) | object): this;
    get<Params, Query, Body>(
      path: string,
      options: Options<Params, Query, Body>,
      handler: (context: Checked<Params, Query, Body>) => unknown,
    ): this;
    post<Params, Query, Body>(
      path: string,
      options: Options<Params, Query, Body>,
      handler: (context: Checked<Params, Query, Body>) => unknown,
    ): this;
    beforeHandle(hook: () => void): this;
    afterHandle(hook: () => void): this;
    listen(options: { hostname: string; port: number }): this;
  }
}

declare module "hono" {
  interface Context<Body> {
    readonly req: {
      param(name: string): string;
      json<Value>(): Promise<Value>;
      valid(part: "json"): Body;
    };
    text(body: string): Response;
    json(body: object): Response;
  }
  interface Middleware<Body> {
    (context: Context<Body>, next: () => Promise<void>): Promise<Response | void>;
  }

  export class Hono {
    readonly fetch: (request: Request) => Response | Promise<Response>;
    get(path: string, handler: (context: Context<unknown>) => Response): this;
    get(path: string, middleware: Middleware<unknown>): this;
    post<Body>(path: string, handler: (context: Context<Body>) => Promise<Response>): this;
    post<Body>(
      path: string,
      middleware: Middleware<Body>,
      handler: (context: Context<Body>) => Response,
    ): this;
    use(hook: (context: Context<unknown>, next: () => Promise<void>) => Promise<void>): this;
  }
}

declare module "hono/bun" {
  import type { Middleware } from "hono";

  export function serveStatic(options: {
    root: string;
    rewriteRequestPath: (path: string) => string;
  }): Middleware<unknown>;
}

declare module "@hono/standard-validator" {
  import type { StandardSchemaV1 } from "@standard-schema/spec";
  import type { Middleware } from "hono";

  export function sValidator<Schema extends StandardSchemaV1>(
    part: "json",
    schema: Schema,
  ): Middleware<StandardSchemaV1.InferOutput<Schema>>;
}

declare module "hono/router/reg-exp-router" {
  export class RegExpRouter<Handler> {
    add(method: string, path: string, handler: Handler): void;
    match(method: string, path: string): [[Handler, Record<string, number | string>][], string[]?];
  }
}

declare module "hono/router/trie-router" {
  export class TrieRouter<Handler> {
    add(method: string, path: string, handler: Handler): void;
    match(method: string, path: string): [[Handler, Record<string, string>][]];
  }
}

declare module "find-my-way" {
  interface Router<Store> {
    on(method: string, path: string, handler: () => void, store: Store): void;
    find(
      method: string,
      path: string,
    ): { readonly params: Record<string, string | undefined>; readonly store: Store } | null;
  }

  export default function createFindMyWay<Store>(): Router<Store>;
}
