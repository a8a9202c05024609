/** Injected names: who sees them, which are refused. */
import { describe, expect, test } from "bun:test";
import { type ErrorCode, HttpError, perApp, perRequest, Robyn, RobynError, SubRouter } from "robyn";
import { socketNames, takenNames } from "../../src/injection/injection.ts";
import { Connection } from "../../src/websocket/connection.ts";
import { recordingLogger, silentLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { ClientSocket } from "../support/client-socket.ts";

describe("a value", () => {
  test("is the same for handlers, hooks and exception handlers, and where no route answers", async () => {
    const db = { name: "db" };
    const seen: unknown[] = [];
    const app = quietApp().injectGlobal({ db });
    app.beforeRequest(({ db }) => void seen.push(db));
    app.afterRequest((_, { db }) => void seen.push(db));
    app.exception((_, { db, status }) => status(418, db.name));
    app.get("/", ({ db }) => db.name);
    app.get("/fails", () => {
      throw new Error("on purpose");
    });
    expect(await (await app.request("/")).text()).toBe("db");
    expect((await app.request("/fails")).status).toBe(418);
    expect(await (await app.request("/none")).text()).toBe("db");
    expect(seen).toEqual(Array(6).fill(db));
    expect(seen.every((it) => it === db)).toBe(true);
  });

  test("is there in apps that measure, too", async () => {
    const app = quietApp().inject({ db: "db" });
    app.metrics("/metrics").get("/", ({ db }) => db);
    expect(await (await app.request("/")).text()).toBe("db");
  });

  test("may be a function, undefined or a promise: none of them is called or awaited", async () => {
    const now = () => 7;
    const later = Promise.resolve("later");
    const app = quietApp().inject({ now, none: undefined, later });
    app.get("/", async ({ now, none, later }) => [now(), none === undefined, await later]);
    expect(await (await app.request("/")).json()).toEqual([7, true, "later"]);
  });

  test("does not depend on the order of definitions", async () => {
    const inner = new SubRouter<"/a", Record<string, unknown>, { x: number }>("/a");
    inner.get("/", (context) => context.x + Number(Reflect.get(context, "y")));
    const app = new Robyn<Record<string, unknown>, { x: number }>({ logger: silentLogger });
    app.includeRouter(inner);
    inner.inject({ y: 2 });
    app.inject({ x: 1 });
    expect(await (await app.request("/a")).json()).toBe(3);
  });

  test("of a router reaches the routers in it, and no other", async () => {
    const seen: string[] = [];
    const probe = (router: SubRouter<string>) =>
      router.get("/", (context) => ["x", "y", "z"].filter((name) => name in context).join(""));
    const inmost = probe(new SubRouter("/c")).inject({ z: 3 });
    const inner = probe(new SubRouter("/b")).inject({ y: 2 }).includeRouter(inmost);
    const app = quietApp()
      .inject({ x: 1 })
      .includeRouter(inner)
      .includeRouter(probe(new SubRouter("/d")));
    for (const path of ["/b", "/b/c", "/d"]) seen.push(await (await app.request(path)).text());
    expect(seen).toEqual(["xy", "xyz", "x"]);
  });

  test("of siblings may have one name, also for hooks where no route answers", async () => {
    const seen: unknown[] = [];
    const sibling = (prefix: `/${string}`, x: string) =>
      new SubRouter(prefix)
        .inject({ x })
        .inject({ own: perRequest(({ path, x }) => `${x} of ${path}`) })
        .get("/", (context) => context.x)
        .beforeRequest(({ x, own, state, setCookie }) => {
          setCookie(x, "1");
          state[x] = own;
        })
        .afterRequest((response, { x, own, state, request }) => {
          seen.push([x, own, state[x], response.status, request.method]);
        });
    const app = quietApp()
      .includeRouter(sibling("/a", "first"))
      .includeRouter(sibling("/a/b", "second"));
    expect(await (await app.request("/a")).text()).toBe("first");
    expect(await (await app.request("/a/b")).text()).toBe("second");
    seen.length = 0;
    const response = await app.request("/a/b/none");
    expect(seen).toEqual([
      ["second", "second of /a/b/none", "second of /a/b/none", 404, "GET"],
      ["first", "first of /a/b/none", "first of /a/b/none", 404, "GET"],
    ]);
    expect(response.headers.getSetCookie()).toEqual([]);
  });
});

describe("a value per request", () => {
  test("is made on first use, once per request, whoever asks", async () => {
    let made = 0;
    const app = quietApp().inject({ user: perRequest(({ query }) => ({ id: ++made, query })) });
    app.beforeRequest("/twice", ({ user }) => void user);
    app.get("/none", ({ path }) => path);
    app.get("/twice", (context) => context.user === context.user && context.user.id);
    await app.request("/none");
    expect(made).toBe(0);
    expect(await (await app.request("/twice")).json()).toBe(1);
    expect(await (await app.request("/twice")).json()).toBe(2);
  });

  test("may need others, and is one for routers that share the factory", async () => {
    let made = 0;
    const session = perRequest(async ({ headers }) => ({ id: headers.get("x-id"), made: ++made }));
    const app = quietApp().inject({ session });
    const inner = new SubRouter("/inner").inject({ same: session });
    app.includeRouter(inner);
    const users = app.inject({
      user: perRequest(async ({ session }) => `user ${(await session).id}`),
    });
    users.get("/", async ({ user }) => await user);
    app.beforeRequest("/inner", ({ session, state }) => void (state.session = session));
    inner.get("/", async ({ same, state }) => [await same, same === state.session]);
    const headers = { "x-id": "7" };
    expect(await (await app.request("/", { headers })).text()).toBe("user 7");
    expect(await (await app.request("/inner", { headers })).json()).toEqual([
      { id: "7", made: 2 },
      true,
    ]);
  });

  test("that throws answers as a handler that throws, and the factory is not asked again", async () => {
    let asked = 0;
    const app = quietApp().inject({
      user: perRequest(() => {
        asked++;
        throw new HttpError(401, "who are you?");
      }),
      later: perRequest(async () => {
        throw new HttpError(402);
      }),
    });
    app.exception((error, context) => {
      if (context.path === "/now") expect(() => context.user).toThrow(error as Error);
    });
    app.get("/now", ({ user }) => user);
    app.get("/later", async ({ later }) => await later);
    // Nobody awaits it: that must not end the process.
    app.get("/unawaited", ({ later }) => void later);
    expect((await app.request("/now")).status).toBe(401);
    expect(asked).toBe(1);
    expect((await app.request("/later")).status).toBe(402);
    expect((await app.request("/unawaited")).status).toBe(204);
  });

  test("that asks for itself is refused with the name", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger }).inject({
      a: perRequest((context): unknown => Reflect.get(context, "b")),
      b: perRequest((context): unknown => Reflect.get(context, "a")),
    });
    app.get("/", ({ a }) => a);
    expect((await app.request("/")).status).toBe(500);
    expect(logger.errors()).toContain("ROBYN_INJECTION_CYCLE");
  });

  test("is refused once the request is over", async () => {
    let ask: (() => unknown) | undefined;
    const app = quietApp().inject({ user: perRequest(() => "ann") });
    app.get("/", (context) => {
      ask = () => context.user;
      return "";
    });
    await app.request("/");
    expect(codeOf(() => ask!())).toBe("ROBYN_INJECTION_TOO_LATE");
  });
});

describe("refused", () => {
  test("is one name twice on the way to a route, with both places", async () => {
    const app = quietApp().injectGlobal({ db: 1 });
    app.includeRouter(new SubRouter("/a").includeRouter(new SubRouter("/b").inject({ db: 2 })));
    const error = await app.compile().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "ROBYN_INJECTION_CONFLICT" });
    expect(String(error)).toMatch(/"db".*names\.test\.ts:\d+ and at .*names\.test\.ts:\d+/);
    const twice = quietApp().inject({ x: 1 }).inject({ x: 2 });
    expect(await twice.request("/").catch(({ code }: RobynError) => code)).toBe(
      "ROBYN_INJECTION_CONFLICT",
    );
  });

  test.each(["request", "params", "state", "json", "send", "close", "take", "then", "toString"])(
    "is the name %s, which there is already",
    (name) => {
      expect(() => quietApp().inject({ [name]: 1 })).toThrow(
        new RegExp(`"${name}".*ROBYN_INJECTION_INVALID`, "s"),
      );
    },
  );

  test.each([
    ["nothing", undefined],
    ["a list", [1]],
    ["an instance", new (class Database {})()],
    ["a symbol", { [Symbol("db")]: 1 }],
    ["no name", { "": 1 }],
  ])("is %s", (_, given) => {
    expect(codeOf(() => quietApp().inject(given as { db: number }))).toBe(
      "ROBYN_INJECTION_INVALID",
    );
  });

  test("are providers without a factory, and unknown options", () => {
    const none = undefined as unknown as () => number;
    expect(codeOf(() => perApp(none))).toBe("ROBYN_INJECTION_INVALID");
    expect(codeOf(() => perRequest(none))).toBe("ROBYN_INJECTION_INVALID");
    const options = { dispos: () => {} };
    expect(codeOf(() => perApp(() => 1, options as object))).toBe("ROBYN_INJECTION_INVALID");
    const dispose = 1 as unknown as () => void;
    expect(codeOf(() => perRequest(() => 1, { dispose }))).toBe("ROBYN_INJECTION_INVALID");
  });

  test("are names after the start", async () => {
    const app = quietApp();
    await app.compile();
    expect(codeOf(() => app.inject({ x: 1 }))).toBe("ROBYN_SEALED");
    expect(codeOf(() => app.injectGlobal({ x: 1 }))).toBe("ROBYN_SEALED");
  });

  test("are all members of a socket, private ones of the framework included", async () => {
    let own: string[] = [];
    const app = quietApp().websocket("/", {
      open(socket) {
        expect(socket).toBeInstanceOf(Connection);
        own = Object.keys(socket);
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    void client;
    const members = [...own, ...Object.getOwnPropertyNames(Connection.prototype)];
    expect(members.length).toBeGreaterThan(20);
    expect(members.filter((name) => !takenNames().has(name))).toEqual([]);
    expect(socketNames.filter((name) => !members.includes(name))).toEqual([]);
  });

  test("are all members of a context", async () => {
    let own: string[] = [];
    const app = quietApp().get("/", (context) => {
      own = Object.keys(context);
      return "";
    });
    await app.request("/");
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter((name) => !takenNames().has(name))).toEqual([]);
  });
});

function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof RobynError) return error.code;
    throw error;
  }
  return undefined;
}
