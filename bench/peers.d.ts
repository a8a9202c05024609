/**
 * As much of each peer as the benchmark calls. With it the project type-checks without bench/node_modules, which most
 * people who work on the framework never install; and a checkout with them is checked against the same words.
 */

declare module "elysia" {
  export class Elysia {
    readonly server: { readonly port: number | undefined } | null;
    get(path: string, handler: ((context: { params: { id?: string } }) => unknown) | object): this;
    onBeforeHandle(hook: () => void): this;
    onAfterHandle(hook: () => void): this;
    listen(options: { hostname: string; port: number }): this;
  }
}

declare module "elysia-next" {
  export class Elysia {
    readonly server: { readonly port: number | undefined } | null;
    get(path: string, handler: ((context: { params: { id?: string } }) => unknown) | object): this;
    beforeHandle(hook: () => void): this;
    afterHandle(hook: () => void): this;
    listen(options: { hostname: string; port: number }): this;
  }
}

declare module "hono" {
  interface Context {
    readonly req: { param(name: string): string };
    text(body: string): Response;
    json(body: object): Response;
  }

  export class Hono {
    readonly fetch: (request: Request) => Response | Promise<Response>;
    get(path: string, handler: (context: Context) => Response): this;
    use(hook: (context: Context, next: () => Promise<void>) => Promise<void>): this;
  }
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
