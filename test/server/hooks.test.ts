/** Hooks: their order, where they apply, and how they end a request. */
import { describe, expect, test } from "bun:test";
import { type Robyn, status, SubRouter } from "robyn";
import { openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

/** An app on which every hook writes its name, synchronously or after a promise. */
function traced(isAsync: boolean) {
  const trace: string[] = [];
  const note = (name: string) => () => {
    if (!isAsync) return void trace.push(name);
    return Promise.resolve().then(() => void trace.push(name));
  };
  const inner = new SubRouter("/inner")
    .beforeRequest(note("before inner"))
    .afterRequest(note("after inner"))
    .get(
      "/leaf",
      {
        beforeRequest: [note("before route 1"), note("before route 2")],
        afterRequest: [note("after route 1"), note("after route 2")],
      },
      note("handler"),
    );
  const outer = new SubRouter("/outer")
    .beforeRequest(note("before outer"))
    .beforeRequest("/inner/*", note("before outer pattern"))
    .afterRequest(note("after outer"))
    .includeRouter(inner);
  const app = quietApp()
    .beforeRequest(note("before app 1"))
    .beforeRequest("/outer/*", note("before app pattern"))
    .beforeRequest(note("before app 2"))
    .beforeRequest("/elsewhere/*", note("never"))
    .afterRequest(note("after app 1"))
    .afterRequest("/outer/*", note("after app pattern"))
    .afterRequest(note("after app 2"))
    .includeRouter(outer);
  return { app, trace };
}

describe.each([
  ["sync", false],
  ["async", true],
])("%s hooks", (_, isAsync) => {
  test("run from the app over the routers to the route, and back in reverse", async () => {
    const { app, trace } = traced(isAsync);
    await app.request("/outer/inner/leaf");
    expect(trace).toEqual([
      "before app 1",
      "before app pattern",
      "before app 2",
      "before outer",
      "before outer pattern",
      "before inner",
      "before route 1",
      "before route 2",
      "handler",
      "after route 2",
      "after route 1",
      "after inner",
      "after outer",
      "after app 2",
      "after app pattern",
      "after app 1",
    ]);
  });

  test("a before hook that answers skips what follows, but no after hook", async () => {
    const trace: string[] = [];
    const answer = () => (isAsync ? Promise.resolve(status(401, "stop")) : status(401, "stop"));
    const app = quietApp()
      .beforeRequest(() => void trace.push("first"))
      .beforeRequest(answer)
      .beforeRequest(() => void trace.push("never"))
      .afterRequest((response) => void trace.push(`after ${response.status}`))
      .get("/", { afterRequest: () => void trace.push("after route") }, () => "never");
    const response = await app.request("/");
    expect({ code: response.status, text: await response.text() }).toEqual({
      code: 401,
      text: "stop",
    });
    expect(trace).toEqual(["first", "after route", "after 401"]);
  });

  test("an after hook may replace the answer, for the ones further out too", async () => {
    const seen: number[] = [];
    const value = () => status(202, { replaced: true });
    const app = quietApp()
      .afterRequest((response) => void seen.push(response.status))
      .afterRequest(() => (isAsync ? Promise.resolve(value()) : value()))
      .get("/", () => "original");
    const response = await app.request("/");
    expect(await response.json()).toEqual({ replaced: true });
    expect(seen).toEqual([202]);
  });
});

describe("what counts as an answer of a before hook", () => {
  test.each([
    ["null", null, 204],
    ["an empty string", "", 200],
    ["false", false, 200],
    ["zero", 0, 200],
    ["a Response", new Response(null, { status: 418 }), 418],
  ])("%s does", async (_, value, code) => {
    const app = quietApp()
      .beforeRequest(() => value)
      .get("/", () => status(599, "handler"));
    expect((await app.request("/")).status).toBe(code);
  });

  test("nothing, and a promise of nothing, do not", async () => {
    const app = quietApp()
      .beforeRequest(() => {})
      .beforeRequest(async () => {})
      .get("/", () => "handler");
    expect(await (await app.request("/")).text()).toBe("handler");
  });
});

describe("hooks see every method and every miss", () => {
  const define = (app: Robyn) => {
    app.beforeRequest(({ state }) => void (state.began = "yes"));
    app.afterRequest((response, { state, method }) => {
      response.headers.set("x-began", String(state.began));
      response.headers.set("x-method", method);
    });
    app
      .get("/known", () => "x")
      .post("/known", () => "x")
      .put("/known", () => "x");
    app.patch("/known", () => "x").delete("/known", () => "x");
  };
  const cases: [method: string, target: string, code: number][] = [
    ["GET", "/known", 200],
    ["HEAD", "/known", 200],
    ["POST", "/known", 200],
    ["PUT", "/known", 200],
    ["PATCH", "/known", 200],
    ["DELETE", "/known", 200],
    ["OPTIONS", "/known", 204],
    ["PROPFIND", "/known", 501],
    ["GET", "/missing", 404],
    ["OPTIONS", "/missing", 404],
    ["GET", "/%zz", 400],
    ["GET", `/${"a".repeat(8_192)}`, 414],
  ];
  test.each(cases)("%s %.20s is %d", async (method, target, code) => {
    await using doors = await openDoors(define);
    for (const door of doors.all) {
      const answer = await door.ask({ method, target });
      expect(answer.status).toBe(code);
      expect(answer.headers["x-began"]).toBe("yes");
      expect(answer.headers["x-method"]).toBe(method);
    }
  });

  test("also 405, with Allow", async () => {
    await using doors = await openDoors((app) =>
      app.afterRequest((response) => response.headers.set("x-seen", "1")).get("/only", () => "x"),
    );
    const { status: code, headers } = await doors.ask({ method: "POST", target: "/only" });
    expect({ code, seen: headers["x-seen"] }).toEqual({ code: 405, seen: "1" });
    expect(headers.allow).toBe("GET, HEAD, OPTIONS");
  });

  test("a before hook may answer what no route does", async () => {
    await using doors = await openDoors((app) =>
      app.beforeRequest(({ path }) => (path === "/moved" ? status(410, "gone") : undefined)),
    );
    expect((await doors.ask("/moved")).status).toBe(410);
    expect((await doors.ask("/other")).status).toBe(404);
  });
});

describe("without promises there is no promise", () => {
  test("app.fetch returns a Response after the first call", async () => {
    const app = quietApp()
      .beforeRequest(() => {})
      .beforeRequest("/:any", () => {})
      .afterRequest((response) => response.headers.set("x-after", "1"))
      .get("/route", () => ({ a: 1 }));
    await app.request("/route");
    for (const target of ["/route", "/missing", "/%zz"]) {
      const response = app.fetch(new Request(`http://localhost${target}`));
      expect(response).toBeInstanceOf(Response);
      if (response instanceof Response) expect(response.headers.get("x-after")).toBe("1");
    }
  });

  test("also where the handler throws", async () => {
    const app = quietApp().get("/", () => {
      throw new Error();
    });
    await app.request("/");
    expect(app.fetch(new Request("http://localhost/"))).toBeInstanceOf(Response);
  });

  test("one async hook makes it a promise", async () => {
    const app = quietApp()
      .beforeRequest(async () => {})
      .get("/", () => "x");
    await app.request("/");
    expect(app.fetch(new Request("http://localhost/"))).toBeInstanceOf(Promise);
  });
});
