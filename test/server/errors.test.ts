/** Unknown errors: what must never reach a client, and what must reach the log. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Robyn } from "robyn";
import { openDoors } from "../support/doors.ts";
import { recordingLogger } from "../support/log.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { temporaryFolder } from "../support/folder.ts";
import { quietApp } from "../support/serve.ts";

setDefaultTimeout(processTimeout_ms);

/** One for each place where the code of an application runs. */
const shapes: Readonly<Record<string, (app: Robyn, fail: () => never) => unknown>> = {
  "a sync handler": (app, fail) => app.get("/", fail),
  "an async handler": (app, fail) => app.get("/", async () => fail()),
  "a handler that fails after a pause": (app, fail) =>
    app.get("/", async () => {
      await Bun.sleep(0);
      fail();
    }),
  "a thenable": (app, fail) =>
    app.get("/", () => ({
      then(_: unknown, reject: (error: unknown) => void) {
        try {
          fail();
        } catch (error) {
          reject(error);
        }
      },
    })),
  "a before hook": (app, fail) => app.beforeRequest(fail).get("/", () => "x"),
  "an async before hook": (app, fail) => app.beforeRequest(async () => fail()).get("/", () => "x"),
  "an after hook": (app, fail) => app.afterRequest(fail).get("/", () => "x"),
  "an async after hook": (app, fail) => app.afterRequest(async () => fail()).get("/", () => "x"),
  "a hook of a route": (app, fail) => app.get("/", { beforeRequest: fail }, () => "x"),
  "a hook of a miss": (app, fail) => app.beforeRequest(fail),
  "a handler with other methods beside it": (app, fail) => app.get("/", fail).post("/", () => "x"),
  "an exception handler": (app, fail) => app.exception(fail).get("/", fail),
  toJSON: (app, fail) => app.get("/", () => ({ toJSON: fail })),
  "a const route under a hook": (app, fail) =>
    app.beforeRequest(fail).get("/", { const: true }, () => "x"),
};

describe("in production an unknown error leaks nothing", () => {
  const canary = "canary-7f3a";
  process.env.ROBYN_TEST_CANARY = `${canary}-env`;

  function fail(): never {
    const error = new Error(`${canary}-message`, { cause: new Error(`${canary}-cause`) });
    error.name = `${canary}-name`;
    throw Object.assign(error, { status: 200, headers: { "x-leak": canary }, canary });
  }

  test.each(Object.entries(shapes))("%s", async (_, define) => {
    await using doors = await openDoors((app) => define(app, fail));
    const answer = await doors.ask("/");
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toEqual({
      type: "about:blank",
      title: "Internal Server Error",
      status: 500,
    });
    const everything = JSON.stringify(answer.headers) + answer.text;
    for (const secret of [canary, import.meta.dir, "errors.test.ts", process.cwd(), "Bun"])
      expect(everything).not.toContain(secret);
    for (const { log } of doors.all) expect(log.errors()).toContain(`${canary}-message`);
  });

  test.each([
    ["a string", "canary"],
    ["null", null],
    ["undefined", undefined],
    ["an object", { canary: 1, toString: null }],
    ["a symbol", Symbol("canary")],
    ["a proxy that throws", new Proxy({}, { get: () => JSON.parse("{"), has: () => true })],
    [
      "an error whose message throws",
      Object.defineProperty(new Error(), "message", {
        get() {
          throw new Error("canary");
        },
      }),
    ],
  ])("also where %s is thrown", async (_, thrown) => {
    await using doors = await openDoors((app) =>
      app
        .get("/sync", () => {
          throw thrown;
        })
        .get("/async", () => Promise.reject(thrown)),
    );
    for (const target of ["/sync", "/async"]) {
      const { status, text } = await doors.ask(target);
      expect(status).toBe(500);
      expect(text).not.toContain("canary");
    }
  });

  test("the log says which route failed, for which path, without the query", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger }).get("/users/:id", fail);
    await app.request("/users/7?token=hidden");
    const [record] = logger.records.filter(({ level }) => level === "error");
    expect(record?.message).toBe("GET /users/:id failed");
    expect(record?.details).toContainEqual({ method: "GET", path: "/users/7" });
    expect(logger.errors()).not.toContain("hidden");
  });

  test("a logger that throws does not keep the client waiting", async () => {
    const logger = recordingLogger();
    logger.error = () => {
      throw new Error(canary);
    };
    const response = await quietApp({ logger }).get("/", fail).request("/");
    expect(response.status).toBe(500);
  });
});

describe("in development", () => {
  test("the document shows message and stack", async () => {
    const app = quietApp({ development: true }).get("/", () => {
      throw new TypeError("which note?");
    });
    const response = await app.request("/");
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const document = (await response.json()) as { detail: string; stack: string[] };
    expect(document.detail).toBe("TypeError: which note?");
    expect(document.stack.join("\n")).toContain("errors.test.ts");
  });

  const modes: [env: string | undefined, isShown: boolean][] = [
    ["development", true],
    ["production", false],
    ["test", false],
    [undefined, false],
  ];
  test.each(modes)("NODE_ENV=%s: shown is %p", async (NODE_ENV, isShown) => {
    using folder = temporaryFolder({
      "app.ts": `import { Robyn } from "robyn";
        export default new Robyn().get("/", () => { throw new Error("canary"); });`,
    });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path, env: { NODE_ENV } });
    const response = await fetch(`http://127.0.0.1:${await child.port()}/`);
    expect((await response.text()).includes("canary")).toBe(isShown);
  });
});
