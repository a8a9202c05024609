/** What cannot be a const response is refused before the server listens. */
import { describe, expect, test } from "bun:test";
import { type Context, RobynError, type RouteOptions, t } from "robyn";
import { quietApp } from "../support/serve.ts";

describe("what cannot be const is refused at start, naming the route", () => {
  const reads: [member: string, handler: (context: Context) => unknown][] = [
    ["query", ({ query }) => query],
    ["params", ({ params }) => params],
    ["headers", ({ headers }) => headers.get("x")],
    ["request", ({ request }) => request.url],
    ["json", async (context) => await context.json()],
    ["ipAddr", ({ ipAddr }) => ipAddr],
    ["state", ({ state }) => state],
  ];
  test.each(reads)("a handler that reads %s of the request", async (member, handler) => {
    const error = await refusal(quietApp().get("/fixed/path", { const: true }, handler));
    expect(error.code).toBe("ROBYN_REQUEST_IN_CONST");
    expect(error.message).toContain(`reads "${member}"`);
    expect(error.message).toContain("GET /fixed/path (");
    expect(error.message).toContain("const-refusal.test.ts:");
  });

  test("a handler that uses only the helpers is fine", async () => {
    const app = quietApp().get("/", { const: true }, ({ status: to }) => to(202, "x"));
    expect((await app.request("/")).status).toBe(202);
  });

  test.each(["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])("a %s route", async (method) => {
    const app = quietApp().addRoute(method, "/fixed", { const: true }, () => "x");
    const error = await refusal(app);
    expect(error.code).toBe("ROBYN_CONST_INVALID");
    expect(error.message).toContain(`${method} /fixed (`);
  });

  test.each(["params", "query", "headers", "cookies", "body"] as const)(
    "a route with a schema for its %s, which nobody would look at",
    async (part) => {
      const options: RouteOptions = { const: true, [part]: t.Object({}) };
      const app = quietApp().get("/fixed", options, () => "x");
      const error = await refusal(app);
      expect(error.code).toBe("ROBYN_CONST_INVALID");
      expect(error.message).toContain(`GET /fixed (`);
      expect(error.message).toContain(`"${part}"`);
    },
  );

  test("a value that breaks the response schema", async () => {
    const response = t.Object({ id: t.Integer() });
    const app = quietApp().get("/fixed", { const: true, response }, () => ({ id: 1.5 }));
    const error = await refusal(app);
    expect(error.code).toBe("ROBYN_CONST_FAILED");
    expect(error.message).toContain("/id must be integer");
  });

  const failing: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw new Error("no configuration");
    },
    rejects: () => Promise.reject(new Error("no configuration")),
    "answers 500": () => new Response(null, { status: 500 }),
    "returns a missing file": () => Bun.file("/no/such/file"),
    "returns a cycle": () => {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      return cycle;
    },
  };
  test.each(Object.entries(failing))("a handler that %s", async (what, handler) => {
    const error = await refusal(quietApp().get("/fixed", { const: true }, handler));
    expect(error.code).toBe("ROBYN_CONST_FAILED");
    expect(error.message).toContain("GET /fixed (");
    if (what === "throws") expect(error.message).toContain("no configuration");
  });
});

async function refusal(app: { start(o: object): Promise<unknown> }): Promise<RobynError> {
  try {
    await app.start({ port: 0, banner: false, signals: false });
  } catch (error) {
    if (error instanceof RobynError) return error;
    throw error;
  }
  throw new Error("start() was not refused");
}
