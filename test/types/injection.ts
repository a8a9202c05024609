/** Injected names are typed by what is injected, through chains, and by declaration where routers stand in other files. */
import {
  type AfterHook,
  type BeforeHook,
  type Context,
  type Handler,
  type InjectedOf,
  perApp,
  type PerApp,
  perRequest,
  type PerRequest,
  Robyn,
  SubRouter,
} from "../../src/index.ts";
import { createClient } from "../../src/client/index.ts";
import { type Equal, expectType } from "./equal.ts";

interface Db {
  find(id: string | null): { name: string };
}
const openDb = async (): Promise<Db> => ({ find: () => ({ name: "ann" }) });

export function application() {
  return new Robyn().injectGlobal({ db: perApp(openDb), limit: 10 }).inject({
    user: perRequest(({ headers, db }) => db.find(headers.get("x-user"))),
    names: perRequest(async ({ db, limit, params }) => [db.find(params.id ?? null).name, limit]),
    search: perApp(({ db, limit }) => ({ of: (text: string) => db.find(text), limit })),
  });
}

export function injected(): void {
  const app = application();
  type Names = InjectedOf<typeof app>;
  expectType<Equal<Names["db"], Db>>();
  expectType<Equal<Names["limit"], number>>();
  app
    .get("/:id", ({ db, user, limit, names, search, params }) => {
      expectType<Equal<[typeof db, typeof user, typeof limit], [Db, { name: string }, number]>>();
      expectType<Equal<typeof names, Promise<(string | number)[]>>>();
      expectType<Equal<typeof params, { id: string }>>();
      return search.of(params.id);
    })
    .beforeRequest(({ user }) => void user.name.length)
    .beforeRequest("/a", ({ user }) => void user.name.length)
    .afterRequest((_, { db }) => void db.find("x"))
    .exception((_, { limit }) => limit.toFixed())
    .get(
      "/b",
      {
        beforeRequest: ({ user }) => void user.name,
        afterRequest: [(_, { user }) => void user.name],
        rateLimit: { limit: 1, window: 1, by: ({ user }) => user.name },
      },
      ({ user }) => user,
    )
    .get("/c", { cache: { ttl: 1, key: ({ user }) => user.name } }, ({ user }) => user)
    .metrics("/metrics", { beforeRequest: ({ user }) => void user.name })
    .websocket("/ws/:room", {
      beforeRequest: ({ user }) => void user.name,
      beforeUpgrade: ({ user, db }) => ({ name: user.name, db }),
      open: ({ user, db, data, params }) => void [user.name, db.find(params.room), data.name],
      message: (socket) => void socket.send(socket.user.name),
      close: ({ limit }) => limit.toFixed(),
      error: ({ db }) => db.find("x"),
      drain: ({ db }) => db.find("x"),
    })
    .websocket("/loop", {}, async function* (socket) {
      for await (const _ of socket) yield socket.user.name;
    })
    .serveDirectory("/types", import.meta.dir);

  app.get("/d", (context) => {
    // @ts-expect-error nothing has this name
    void context.nobody;
    // @ts-expect-error what is injected is not assigned
    expectThrow(() => (context.limit = 1));
  });
  // @ts-expect-error every context has a state
  expectThrow(() => new Robyn().inject({ state: 1 }));
  // @ts-expect-error a plain app does not know the names
  new Robyn().get("/", ({ user }) => user);
  // @ts-expect-error a factory is given the names of the calls before its own
  perApp(({ nobody }) => nobody);

  const plain: Robyn = app;
  plain.get("/e", ({ path }) => path);
  // The client still knows the sockets.
  const client = createClient<ReturnType<typeof withSockets>>("http://127.0.0.1:1");
  client.connect("/x", { raw: true, reconnect: false, open }).close();
}

const open = () => new WebSocket("ws://127.0.0.1:1");
const withSockets = () =>
  new Robyn()
    .websocket("/x", {})
    .inject({ a: 1 })
    .get("/", () => "");

type AppNames = InjectedOf<ReturnType<typeof application>>;

/** As in a file of its own: what routers around it inject is declared, what it injects itself is added. */
export function declared() {
  const admin = new SubRouter<"/admin", Record<string, unknown>, AppNames>("/admin");
  const chained = admin
    .inject({ audit: perRequest(({ user }) => `seen by ${user.name}`) })
    .get("/:page", ({ audit, db, params }) => audit + db.find(params.page).name);
  expectType<Equal<InjectedOf<typeof chained>["audit"], string>>();
  application().includeRouter(admin).includeRouter(chained);
  new SubRouter<"/outer", Record<string, unknown>, AppNames>("/outer").includeRouter(admin);
  // @ts-expect-error an app that does not inject what the router needs
  new Robyn().includeRouter(admin);
  // @ts-expect-error nor does a router that does not say that it needs it
  new SubRouter("/outer").includeRouter(admin);
}

/** Where definitions are statements, the app declares its names as a router does. */
export function statements(): void {
  const app = new Robyn<Record<string, unknown>, { db: Db }>();
  app.injectGlobal({ db: perApp(openDb) });
  app.get("/", ({ db }) => db.find("x"));
  app.beforeRequest(({ db }) => void db.find("x"));
}

export function helpers(): void {
  const app = application();
  const show: Handler<{ id: string }, Record<string, unknown>, { db: Db }> = ({ db, params }) =>
    db.find(params.id);
  const check: BeforeHook<Record<string, unknown>, { db: Db }> = ({ db }) => void db.find("x");
  const plainCheck: BeforeHook<Record<string, unknown>> = ({ path }) => void path;
  const stamp: AfterHook<Record<string, unknown>, { db: Db }> = (_, { db }) => void db.find("x");
  app.get("/:id", show).beforeRequest(check).beforeRequest(plainCheck).afterRequest(stamp);
  // @ts-expect-error a plain app has no db for it
  new Robyn().beforeRequest(check);
  const fromContext = perRequest(({ path }: Context) => path);
  expectType<Equal<typeof fromContext, PerRequest<Context, string>>>();
  const fromNothing = perApp(openDb, { dispose: (db) => db.find("x") });
  expectType<Equal<typeof fromNothing, PerApp<object, Db>>>();
  const later = perRequest(openDb, { dispose: (db) => void db.find("x") });
  new Robyn().inject({ fromContext, fromNothing, later }).get("/", async (context) => {
    expectType<Equal<typeof context.fromContext, string>>();
    expectType<Equal<typeof context.later, Promise<Db>>>();
  });
}

function expectThrow(run: () => unknown): void {
  try {
    run();
  } catch {
    return;
  }
  throw new Error("nothing was thrown");
}
