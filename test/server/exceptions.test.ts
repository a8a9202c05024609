/** Exception handlers and after hooks on errors. */
import { describe, expect, test } from "bun:test";
import { HttpError, status, SubRouter } from "robyn";
import { openDoors } from "../support/doors.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";

class OutOfStock extends Error {}

const failing = () => {
  throw new OutOfStock("no more");
};

describe("exception handlers", () => {
  test("are asked from the inside out, and undefined passes the error on", async () => {
    const trace: string[] = [];
    const inner = new SubRouter("/inner")
      .exception(() => void trace.push("inner 1"))
      .exception(() => void trace.push("inner 2"))
      .get("/", failing);
    const outer = new SubRouter("/outer")
      .exception(async () => void trace.push("outer"))
      .includeRouter(inner);
    const app = quietApp()
      .exception((error) => {
        trace.push("app");
        return status(409, error instanceof OutOfStock ? "sold out" : "other");
      })
      .includeRouter(outer);
    const response = await app.request("/outer/inner");
    expect({ code: response.status, text: await response.text() }).toEqual({
      code: 409,
      text: "sold out",
    });
    expect(trace).toEqual(["inner 2", "inner 1", "outer", "app"]);
  });

  test("the innermost that answers keeps the outer ones out", async () => {
    let isOuterAsked = false;
    const inner = new SubRouter("/inner").exception(() => status(400, "inner")).get("/", failing);
    const app = quietApp()
      .exception(() => void (isOuterAsked = true))
      .includeRouter(inner);
    expect((await app.request("/inner")).status).toBe(400);
    expect(isOuterAsked).toBe(false);
  });

  test("of another router are not asked", async () => {
    const other = new SubRouter("/other").exception(() => status(400, "wrong")).get("/", () => "");
    const app = quietApp().includeRouter(other).get("/", failing);
    expect((await app.request("/")).status).toBe(500);
  });

  test("see errors of hooks too", async () => {
    const app = quietApp()
      .exception((error) => status(400, (error as Error).message))
      .beforeRequest("/before", () => {
        throw new Error("from before");
      })
      .afterRequest("/after", async () => {
        throw new Error("from after");
      })
      .get("/:where", () => "fine");
    expect(await (await app.request("/before")).text()).toBe("from before");
    expect(await (await app.request("/after")).text()).toBe("from after");
    expect(await (await app.request("/none")).text()).toBe("fine");
  });

  test("see values that have no form on the wire", async () => {
    const app = quietApp()
      .exception((error) => status(400, (error as { code?: string }).code))
      .get("/", () => Symbol("x"));
    expect(await (await app.request("/")).text()).toBe("ROBYN_VALUE_UNSUPPORTED");
  });

  test("of the app see 404, 405 and 400, with their status", async () => {
    await using doors = await openDoors((app) =>
      app
        .exception((error) =>
          error instanceof HttpError ? status(error.status, `own ${error.status}`) : undefined,
        )
        .get("/known", () => "x"),
    );
    expect((await doors.ask("/missing")).text).toBe("own 404");
    expect((await doors.ask("/%zz")).text).toBe("own 400");
    expect((await doors.ask({ method: "POST", target: "/known" })).text).toBe("own 405");
  });

  test("one that throws leads to 500, and both errors to the log", async () => {
    const log = recordingLogger();
    const app = quietApp({ logger: log })
      .exception(() => {
        throw new Error("handler broke");
      })
      .get("/", failing);
    const response = await app.request("/");
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "Internal Server Error",
      status: 500,
    });
    expect(log.errors()).toContain("handler broke");
    expect(log.errors()).toContain("no more");
  });

  test("one that throws while answering an HttpError leads to 500 too", async () => {
    const app = quietApp()
      .exception(() => {
        throw new Error("handler broke");
      })
      .get("/", () => {
        throw new HttpError(404);
      });
    expect((await app.request("/")).status).toBe(500);
  });

  test("one that throws an HttpError answers with it", async () => {
    const app = quietApp()
      .exception(() => {
        throw new HttpError(409, "sold out");
      })
      .get("/", failing);
    const response = await app.request("/");
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ status: 409, detail: "sold out" });
  });

  test("rethrowing the same error keeps its status", async () => {
    const inner = new SubRouter("/inner")
      .exception((error) => {
        throw error;
      })
      .get("/", () => {
        throw new HttpError(404, "not here");
      });
    const response = await quietApp().includeRouter(inner).request("/inner");
    expect(response.status).toBe(404);
  });
});

describe("after hooks run on errors", () => {
  const cases: [what: string, handler: () => unknown, code: number][] = [
    ["a thrown error", failing, 500],
    ["a rejected promise", () => Promise.reject(new Error()), 500],
    ["an HttpError", () => Promise.reject(new HttpError(403)), 403],
    ["an unsupported value", () => Symbol("x"), 500],
  ];
  test.each(cases)("%s", async (_, handler, code) => {
    await using doors = await openDoors((app) =>
      app
        .afterRequest((response) => response.headers.set("x-after", String(response.status)))
        .get("/", handler),
    );
    const answer = await doors.ask("/");
    expect(answer.status).toBe(code);
    expect(answer.headers["x-after"]).toBe(String(code));
  });

  test("one that fails does not keep the outer ones from running", async () => {
    const app = quietApp()
      .afterRequest((response) => response.headers.set("x-outer", String(response.status)))
      .get("/sync", { afterRequest: failing }, () => "fine")
      .get("/async", { afterRequest: async () => failing() }, () => "fine");
    for (const target of ["/sync", "/async"]) {
      const response = await app.request(target);
      expect(response.status).toBe(500);
      expect(response.headers.get("x-outer")).toBe("500");
    }
  });
});

describe("a thrown Response is the answer", () => {
  const thrown = () => {
    throw new Response("thrown", { status: 418, headers: { "x-own": "1" } });
  };
  test.each([
    ["by a handler", { handler: thrown, before: () => {} }],
    ["by an async handler", { handler: async () => thrown(), before: () => {} }],
    ["by a before hook", { handler: () => "x", before: thrown }],
    ["by an async before hook", { handler: () => "x", before: async () => thrown() }],
  ])("%s", async (_, { handler, before }) => {
    await using doors = await openDoors((app) => {
      app.exception(() => status(500, "no error"));
      app.beforeRequest(before);
      app.afterRequest((response) => response.headers.set("x-after", "1"));
      app.get("/", handler);
    });
    const { status: code, text, headers } = await doors.ask("/");
    expect({ code, text }).toEqual({ code: 418, text: "thrown" });
    expect(headers["x-own"]).toBe("1");
    expect(headers["x-after"]).toBe("1");
    for (const { log } of doors.all) expect(log.errors()).toBe("");
  });
});
