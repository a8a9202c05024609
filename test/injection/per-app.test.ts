/** Dependencies that are made once per process: before the server listens, and gone when it has stopped. */
import { describe, expect, test } from "bun:test";
import { perApp, perRequest, RobynError, SubRouter } from "robyn";
import { temporaryFolder } from "../support/folder.ts";
import { recordingLogger } from "../support/log.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

function recorder() {
  const events: string[] = [];
  const part = (name: string, delay_ms?: number) => {
    const make = () => {
      events.push(`make ${name}`);
      return { name, [Symbol.asyncDispose]: async () => void events.push(`end ${name}`) };
    };
    return delay_ms === undefined
      ? perApp(make)
      : perApp(async () => {
          await Bun.sleep(delay_ms);
          return make();
        });
  };
  return { events, part };
}

test("they are made in order before the startup handlers, and go in reverse behind the shutdown handlers", async () => {
  const { events, part } = recorder();
  const app = quietApp().injectGlobal({ first: part("first", 10), second: part("second") });
  app.startupHandler(() => void events.push("startup"));
  app.shutdownHandler(() => void events.push("shutdown"));
  app.includeRouter(new SubRouter("/a").inject({ third: part("third") }));
  app.get("/", ({ first, second }) => [first.name, second.name]);
  {
    await using server = await serveApp(app);
    expect(events).toEqual(["make first", "make second", "make third", "startup"]);
    for (let round = 0; round < 2; round++)
      expect(await (await fetch(server.url())).json()).toEqual(["first", "second"]);
  }
  expect(events.slice(4)).toEqual(["shutdown", "end third", "end second", "end first"]);
});

test("the first requests of a mounted app wait for them, all for the same", async () => {
  const { events, part } = recorder();
  const app = quietApp().inject({ db: part("db", 5) });
  app.get("/", ({ db }) => db.name);
  const answers = await Promise.all([app.request("/"), app.request("/")]);
  expect(await Promise.all(answers.map((it) => it.text()))).toEqual(["db", "db"]);
  expect(events).toEqual(["make db"]);
  await app[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  expect(events).toEqual(["make db", "end db"]);
  // What was let go of must not be served again.
  expect(await (await app.request("/")).text()).toBe("db");
  expect(events).toEqual(["make db", "end db", "make db"]);
  await app[Symbol.asyncDispose]();
});

test("a factory is given what its router has, and const routes are, too", async () => {
  const app = quietApp()
    .injectGlobal({ config: { path: "x.sqlite" } })
    .injectGlobal({ db: perApp(async ({ config }) => `db at ${config.path}`) })
    .inject({ users: perApp(({ db, config }) => `users in ${db}, ${config.path}`) });
  app.get("/", { const: true }, ({ users }) => users);
  expect(await (await app.request("/")).text()).toBe("users in db at x.sqlite, x.sqlite");
});

test("one that comes later is made when an earlier one asks, if it can be at once", async () => {
  interface Known {
    later: string;
  }
  const app = quietApp().inject({
    earlier: perApp(({ later }: Known) => `earlier with ${later}`),
    later: perApp(() => "later"),
  });
  app.get("/", ({ earlier }) => earlier);
  expect(await (await app.request("/")).text()).toBe("earlier with later");
});

test("one factory in several places is one value", async () => {
  let made = 0;
  const db = perApp(() => ({ number: ++made }));
  const inner = new SubRouter("/a").inject({ database: db });
  inner.get("/", ({ database }) => database);
  const app = quietApp().inject({ db }).includeRouter(inner);
  app.get("/", ({ db }) => db);
  const answers = [await app.request("/"), await app.request("/a")];
  for (const answer of answers) expect(await answer.json()).toEqual({ number: 1 });
});

describe("refused at start, with what was made let go of:", () => {
  const boom = () => {
    throw new Error("no database");
  };
  const read = (name: string) => (known: object) => Reflect.get(known, name) as unknown;
  const cases: [string, string, Record<string, unknown>, string][] = [
    ["a factory that throws", "ROBYN_INJECTION_FAILED", { db: perApp(boom) }, "no database"],
    [
      "a promise that rejects",
      "ROBYN_INJECTION_FAILED",
      { db: perApp(() => Promise.reject(new Error("no database"))) },
      '"db" could not be made: no database',
    ],
    [
      "two that need each other",
      "ROBYN_INJECTION_CYCLE",
      { a: perApp(read("b")), b: perApp(read("a")) },
      "a → b → a",
    ],
    [
      "three that need each other, asynchronously",
      "ROBYN_INJECTION_CYCLE",
      {
        a: perApp(async (known: object) => (await null, read("b")(known))),
        b: perApp(read("c")),
        c: perApp(read("a")),
      },
      "a → b → c → a",
    ],
    [
      "one that needs a request",
      "ROBYN_INJECTION_FAILED",
      { a: perApp(read("user")), user: perRequest(() => 1) },
      '"user", which is made per request',
    ],
    [
      "one that needs what is asynchronous and later",
      "ROBYN_INJECTION_FAILED",
      { a: perApp(read("later")), later: perApp(async () => 1) },
      '"later", which is asynchronous',
    ],
  ];
  test.each(cases)("%s", async (_, code, given, message) => {
    const { events, part } = recorder();
    const app = quietApp()
      .inject({ before: part("before") })
      .inject(given);
    app.startupHandler(() => void events.push("startup"));
    const error = await app.start({ port: 0, banner: false, signals: false }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(RobynError);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(message);
    expect(events).toEqual(["make before", "end before"]);
  });

  test("everything, where a const route or a startup handler fails", async () => {
    for (const isConst of [true, false]) {
      const { events, part } = recorder();
      const app = quietApp().inject({ db: part("db") });
      const fail = () => {
        throw new Error("on purpose");
      };
      if (isConst) app.get("/", { const: true }, fail);
      else app.startupHandler(fail);
      const refused = app.start({ port: 0, banner: false, signals: false });
      expect(await refused.catch(({ code }: RobynError) => code)).toBe(
        isConst ? "ROBYN_CONST_FAILED" : "ROBYN_STARTUP_FAILED",
      );
      expect(events).toEqual(["make db", "end db"]);
    }
  });
});

test("one that was begun for a start that failed goes when it is there", async () => {
  const begun = Promise.withResolvers<string>();
  const gone: string[] = [];
  const app = quietApp().inject({
    first: perApp((known: object) => Reflect.get(known, "later") as unknown),
    later: perApp(() => begun.promise, { dispose: (value) => void gone.push(value) }),
  });
  expect(await app.request("/").catch(({ code }: RobynError) => code)).toBe(
    "ROBYN_INJECTION_FAILED",
  );
  begun.resolve("later");
  await until("it to go", () => gone.length === 1);
  expect(gone).toEqual(["later"]);
});

test("one that fails in a mounted app is made when it can be: the next request tries again", async () => {
  let isThere = false;
  let runs = 0;
  const app = quietApp().inject({
    db: perApp(async () => {
      if (!isThere) throw new Error("not there");
      return { name: "db" };
    }),
  });
  app.get("/", ({ db }) => db.name);
  app.get("/const", { const: true }, ({ db }) => `${db.name} ${++runs}`);
  const ask = () =>
    app.request("/").then(
      (response) => response.text(),
      ({ code }: RobynError) => code,
    );
  const failed = "ROBYN_INJECTION_FAILED";
  expect(await Promise.all([ask(), ask()])).toEqual([failed, failed]);
  expect(await ask()).toBe(failed);
  isThere = true;
  expect(await Promise.all([ask(), ask()])).toEqual(["db", "db"]);
  expect(await (await app.request("/const")).text()).toBe("db 1");
  await app[Symbol.asyncDispose]();
  isThere = false;
  expect(await ask()).toBe(failed);
  isThere = true;
  expect(await ask()).toBe("db");
});

test("one that cannot go is told to the log, and the others go", async () => {
  const logger = recordingLogger();
  const { events, part } = recorder();
  const app = quietApp({ logger })
    .inject({ db: part("db") })
    .inject({ stuck: perApp(() => 1, { dispose: () => Promise.reject(new Error("stuck")) }) });
  await (await serveApp(app)).running.stop();
  expect(events).toEqual(["make db", "end db"]);
  expect(logger.errors()).toContain('"stuck" could not be disposed of');
});

test("a const route is refused what is made per request", async () => {
  const app = quietApp().inject({ user: perRequest(() => 1) });
  app.get("/", { const: true }, ({ user }) => user);
  expect(await app.request("/").catch(({ code }: RobynError) => code)).toBe(
    "ROBYN_REQUEST_IN_CONST",
  );
});

const source = `import { perApp, Robyn } from "robyn";
const app = new Robyn().inject({ db: perApp(() => { throw new Error("no database"); }) });
app.get("/", ({ db }) => db);
export default app;`;

test(
  "a process whose database is not there ends with one message; its routes can be listed all the same",
  async () => {
    using folder = temporaryFolder({ "app.ts": source });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    const { code, stdout, stderr } = await child.ended();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.match(/no database/g)).toHaveLength(1);
    expect(stderr).toContain("[ROBYN_INJECTION_FAILED]");
    await using listing = robyn(["routes", "app.ts"], { cwd: folder.path });
    expect(await listing.ended()).toMatchObject({ code: 0, stdout: expect.stringContaining("/") });
  },
  processTimeout_ms,
);
