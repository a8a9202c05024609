/** What is decided about one definition, where it is written. */
import { describe, expect, test } from "bun:test";
import { Robyn, SubRouter } from "../../src/index.ts";
import { thrownBy } from "./refusals.ts";

const answer = () => "answer";

describe("a definition is refused at once if", () => {
  test("it has an unknown option, which is named beside the known ones", () => {
    const error = thrownBy(() => addUntyped("GET", "/a", { cnost: true }, answer));
    expect(error.code).toBe("ROBYN_OPTION_INVALID");
    expect(error.message).toContain('GET /a was given the unknown option "cnost"');
    expect(error.fix).toContain("const");
  });

  const values: [options: Record<string, unknown>, expected: string][] = [
    [{ const: "yes" }, 'given "yes" as const. It takes true or false'],
    [{ stream: 1 }, "given 1 as stream. It takes true or false"],
    [{ statusCode: "201" }, 'given "201" as statusCode. It takes an integer from 200 to 599'],
    [{ statusCode: 99 }, "given 99 as statusCode"],
    [{ bodyType: "xml" }, 'given "xml" as bodyType. It takes "json" or "form"'],
    [{ response: { 2000: {} } }, "given 2000 as response"],
    [{ beforeRequest: "x" }, 'beforeRequest, was given "x" where a function'],
    [{ afterRequest: [answer, 7] }, "afterRequest, was given 7 where a function"],
  ];
  test.each(values)("it has an option of another kind: %j", (options, expected) => {
    expect(thrownBy(() => addUntyped("POST", "/a", options, answer)).message).toContain(expected);
  });

  test("its router has an unknown option, or tags that are none", () => {
    const make = (options: object) => thrownBy(() => new SubRouter("/a", options)).message;
    expect(make({ tag: ["a"] })).toContain('unknown option "tag"');
    expect(make({ tags: "a" })).toContain('given "a" as tags');
  });

  test("a handler of the application is no function", () => {
    const app = new Robyn() as unknown as Record<string, (value: unknown) => unknown>;
    for (const name of ["startupHandler", "shutdownHandler"])
      expect(thrownBy(() => app[name]!.call(app, "x")).message).toContain(
        `${name}() was given "x"`,
      );
    expect(thrownBy(() => new Robyn({ onValidationError: 1 as never })).message).toContain(
      "onValidationError was given 1",
    );
  });

  test.each([[null], [7], ["text"], [[]], [answer]])("its options are %p", (options) => {
    expect(thrownBy(() => addUntyped("GET", "/a", options, answer)).code).toBe(
      "ROBYN_OPTION_INVALID",
    );
  });

  test.each([[undefined], [null], ["text"], [7], [{}], [[]]])("its handler is %p", (handler) => {
    const error = thrownBy(() => addUntyped("GET", "/a", {}, handler));
    expect(error.code).toBe("ROBYN_HANDLER_INVALID");
    expect(error.message).toContain("GET /a");
  });

  test.each(["", "get", "Get", "A B", "G(T", "GÉT", "GET\r\nX: y", "M".repeat(33)])(
    "its method is %j",
    (method) => {
      const error = thrownBy(() => new Robyn().addRoute(method, "/a", {}, answer));
      expect(error.code).toBe("ROBYN_METHOD_INVALID");
      expect(error.message).toContain(JSON.stringify(method));
    },
  );

  test("its method is CONNECT, which Bun.serve passes on to nobody", () => {
    const error = thrownBy(() => new Robyn().addRoute("CONNECT", "/a", {}, answer));
    expect(error.code).toBe("ROBYN_METHOD_INVALID");
    expect(error.message).toContain("CONNECT /a");
  });

  test("its hook is no function", () => {
    const app = new Robyn() as unknown as Record<string, (...values: unknown[]) => unknown>;
    for (const name of ["beforeRequest", "afterRequest", "exception"]) {
      expect(thrownBy(() => app[name]!.call(app, "not a function")).code).toBe(
        "ROBYN_HANDLER_INVALID",
      );
      expect(thrownBy(() => app[name]!.call(app)).code).toBe("ROBYN_HANDLER_INVALID");
    }
    expect(thrownBy(() => app.beforeRequest!("/a", {})).code).toBe("ROBYN_HANDLER_INVALID");
  });

  test("the prefix of its router has no slash", () => {
    const error = thrownBy(() => new SubRouter("admin"));
    expect(error.code).toBe("ROBYN_PATTERN_INVALID");
    expect(error.fix).toContain('"/admin"');
  });

  test("what is included is no SubRouter", () => {
    const app = new Robyn();
    for (const value of [undefined, {}, new Robyn(), "/admin"])
      expect(thrownBy(() => app.includeRouter(value as SubRouter)).code).toBe(
        "ROBYN_HANDLER_INVALID",
      );
  });
});

test("methods beyond the usual ones are taken as they are", async () => {
  const app = new Robyn().addRoute("PROPFIND", "/a", {}, () => "properties");
  app.addRoute("M-SEARCH", "/a", {}, () => "search").trace("/a", () => "trace");
  expect((await app.compile()).methods).toEqual(new Set(["PROPFIND", "M-SEARCH", "TRACE"]));
  expect(await (await app.request("/a", { method: "PROPFIND" })).text()).toBe("properties");
});

describe("after the start", () => {
  test("every definition is refused, on the app and on the routers in it", async () => {
    const inner = new SubRouter("/inner");
    const outer = new SubRouter("/outer").includeRouter(inner);
    const app = new Robyn().includeRouter(outer).get("/", answer);
    await app.request("/");
    for (const router of [app, outer, inner] as unknown as Robyn[]) {
      expect(thrownBy(() => router.get("/late", answer)).code).toBe("ROBYN_SEALED");
      expect(thrownBy(() => router.addRoute("GET", "/late", {}, answer)).code).toBe("ROBYN_SEALED");
      expect(thrownBy(() => router.beforeRequest(() => {})).code).toBe("ROBYN_SEALED");
      expect(thrownBy(() => router.afterRequest(() => {})).code).toBe("ROBYN_SEALED");
      expect(thrownBy(() => router.exception(() => {})).code).toBe("ROBYN_SEALED");
      expect(thrownBy(() => router.includeRouter(new SubRouter("/x"))).code).toBe("ROBYN_SEALED");
    }
    expect((await app.request("/late")).status).toBe(404);
  });
});

/** What JavaScript, which has no types, can pass. */
function addUntyped(method: string, path: string, options: unknown, handler: unknown): unknown {
  const app = new Robyn();
  const add = app.addRoute as (...values: unknown[]) => unknown;
  return add.call(app, method, path, options, handler);
}
