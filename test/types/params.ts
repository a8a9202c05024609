/** Path parameters are typed from the path string. */
import { type PathParameters, Robyn, SubRouter } from "../../src/index.ts";
import { type Equal, expectType } from "./equal.ts";

type Params<Path extends string> = {
  [Name in keyof PathParameters<Path>]: PathParameters<Path>[Name];
};

expectType<Equal<Params<"/">, {}>>();
expectType<Equal<Params<"/users">, {}>>();
expectType<Equal<Params<"/users/:id">, { id: string }>>();
expectType<Equal<Params<"/users/:id/">, { id: string }>>();
expectType<Equal<Params<"/users/:id/posts/:post_2">, { id: string; post_2: string }>>();
expectType<Equal<Params<"/files/*">, { "*": string }>>();
expectType<Equal<Params<"/files/*path">, { path: string }>>();
expectType<Equal<Params<"/:a/:_b/*rest">, { a: string; _b: string; rest: string }>>();
// A path that is not known before it runs promises nothing about names.
expectType<Equal<Params<string>, Record<string, string>>>();

export function routes(app: Robyn): void {
  app.get("/users/:id/files/*path", ({ params }) => {
    expectType<Equal<typeof params.id, string>>();
    expectType<Equal<typeof params.path, string>>();
    // @ts-expect-error no parameter has this name
    return params.ID;
  });
  app.post("/files/*", { statusCode: 201 }, ({ params }) => {
    expectType<Equal<(typeof params)["*"], string>>();
    // @ts-expect-error the rest has no name
    return params.rest;
  });
  app.get("/", ({ params }) => {
    // @ts-expect-error there are no parameters at all
    return params.id;
  });
  app.addRoute("PROPFIND", "/dav/:name", {}, ({ params }) => params.name satisfies string);
  // @ts-expect-error addRoute types its parameters too
  app.addRoute("PROPFIND", "/dav/:name", {}, ({ params }) => params.nome);

  const path: string = process.argv[1] ?? "/";
  app.get(path, ({ params }) => params.anything satisfies string | undefined);
}

export function subRouter(): SubRouter<"/teams/:team"> {
  return new SubRouter("/teams/:team")
    .get("/", ({ params }) => {
      expectType<Equal<typeof params.team, string>>();
      // @ts-expect-error neither the prefix nor the path has it
      return params.user;
    })
    .get("/users/:user", ({ params }) => {
      expectType<Equal<typeof params.team, string>>();
      expectType<Equal<typeof params.user, string>>();
      // @ts-expect-error a typing mistake in a parameter of the prefix
      return params.taem;
    });
}

export function withoutPrefix(): SubRouter {
  return new SubRouter().get("/:id", ({ params }) => {
    // @ts-expect-error only id is there
    params.other satisfies string;
    return params.id;
  });
}
