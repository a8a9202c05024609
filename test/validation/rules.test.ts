/** What validation does around the schemas: media types, order, answers, laziness. */
import { describe, expect, test } from "bun:test";
import { type } from "arktype";
import { HttpError, Robyn, type Schema, t, ValidationError } from "robyn";
import { createClient } from "robyn/testing";
import { Settings } from "typebox/system";
import { z } from "zod";
import { recordingLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";

describe("bodies", () => {
  const app = new Robyn();
  app.post("/", { body: t.Object({ a: t.Integer() }) }, ({ body }) => body);
  const client = createClient(app);
  const send = (type: string | undefined, body: string) =>
    client.post("/", {
      body: new TextEncoder().encode(body),
      headers: type === undefined ? {} : { "content-type": type },
    });

  test.each([
    "application/json",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    "application/vnd.api+json",
  ])("%s is JSON", async (type) => {
    expect((await send(type, '{"a":1}')).status).toBe(200);
  });

  // Fastify CVE-2026-25223: a media type that one parser takes and another does not skipped the validation.
  test.each([
    undefined,
    "text/plain",
    "application/json\ta",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "json",
  ])("%s is not, and is 415", async (type) => {
    expect((await send(type, '{"a":1}')).status).toBe(415);
  });

  test.each(["", "{", "nul", '{"a":1}x', "\u0000"])("%j is malformed and 400", async (body) => {
    expect((await send("application/json", body)).status).toBe(400);
  });

  // RFC 9110 §15.5.16 and §12.5.3.
  test("a compressed body is 415 and says what is accepted instead", async () => {
    const response = await client.post("/", {
      body: Bun.gzipSync('{"a":1}'),
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
    });
    expect([response.status, response.headers.get("accept-encoding")]).toEqual([415, "identity"]);
    expect(await response.text()).toContain("without content-encoding");
  });

  test("the depth limit counts brackets outside of strings only", async () => {
    const flat = JSON.stringify({ a: 1, text: '["{[\\"'.repeat(500) });
    expect((await send("application/json", flat)).status).toBe(200);
    const deep = `{"a":1,"b":${"[".repeat(200)}${"]".repeat(200)}}`;
    expect((await send("application/json", deep)).status).toBe(400);
  });
});

describe("strings below names that a schema does not spell out are coerced, too", () => {
  const cases: [string, Schema, string, unknown][] = [
    ["record", t.Record(t.String(), t.Integer()), "a=1&b=2", { a: 1, b: 2 }],
    [
      "record of lists",
      t.Record(t.String(), t.Array(t.Integer())),
      "a=1&b=2&b=3",
      { a: [1], b: [2, 3] },
    ],
    [
      "additional properties",
      t.Object({ a: t.Boolean() }, { additionalProperties: t.Integer() }),
      "a=1&b=2",
      { a: true, b: 2 },
    ],
    ["tuple", t.Object({ a: t.Tuple([t.Integer(), t.String()]) }), "a=1&a=2", { a: [1, "2"] }],
    ["Zod record", z.record(z.string(), z.number()), "a=1", { a: 1 }],
  ];
  test.each(cases)("%s", async (_, query, search, expected) => {
    const app = quietApp();
    app.addRoute("GET", "/", { query }, (context: { query: unknown }) => context.query as object);
    expect(await (await createClient(app).get(`/?${search}`)).json()).toEqual(expected);
  });
});

test.each([
  ["Zod", z.object({ n: z.number(), d: z.coerce.date() })],
  ["ArkType", type({ n: "number", d: "string.date.parse" })],
] as [string, Schema][])(
  "a part that %s cannot tell in JSON Schema leaves the others coerced",
  async (_, query) => {
    const app = quietApp();
    app.addRoute("GET", "/", { query }, (context: { query: unknown }) => context.query as object);
    const response = await createClient(app).get("/?n=1&d=2026-01-01T00:00:00.000Z");
    expect(await response.json()).toEqual({ n: 1, d: "2026-01-01T00:00:00.000Z" });
  },
);

describe("faults", () => {
  const faultsOf = async (body: Schema, json: unknown) => {
    const app = quietApp();
    app.addRoute("POST", "/", { body }, () => null);
    const response = await createClient(app).post("/", { json });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { pointer: string; detail: string }[] };
    return errors;
  };

  test("are all told, up to 64", async () => {
    const list = t.Array(t.Union([t.Integer(), t.Null()]));
    const errors = await faultsOf(
      list,
      Array.from({ length: 20 }, () => "x"),
    );
    expect(errors.map(({ pointer }) => pointer)).toEqual(
      Array.from({ length: 20 }, (_, index) => `/body/${index}`),
    );
    expect(new Set(errors.map(({ detail }) => detail))).toEqual(
      new Set(["must be integer or null"]),
    );
    expect(
      await faultsOf(
        list,
        Array.from({ length: 10_000 }, () => "x"),
      ),
    ).toHaveLength(64);
    expect(Settings.Get().maxErrors).toBe(8);
  });

  test.each([
    [t.Literal("a"), 1, 'must be "a"'],
    [t.Enum(["a", "b"]), "c", 'must be "a" or "b"'],
    [t.Union([t.Literal("a"), t.Literal(2), t.Null()]), "c", 'must be "a" or 2 or null'],
  ] as [Schema, unknown, string][])(
    "name the values that are taken: %j",
    async (body, json, detail) => {
      expect(await faultsOf(body, json)).toEqual([{ pointer: "/body", detail }]);
    },
  );

  test("of fields and files are told together", async () => {
    const app = quietApp();
    const body = t.Object({
      age: t.Integer(),
      "a/b": t.File({ maxSize: 2, types: ["image/*"] }),
    });
    app.post("/", { body }, () => null);
    const form = new FormData();
    form.append("age", "x");
    form.append("a/b", new File(["long"], "a.txt", { type: "text/plain" }));
    const { errors } = (await (await createClient(app).post("/", { body: form })).json()) as {
      errors: { pointer: string }[];
    };
    expect(errors.map(({ pointer }) => pointer)).toEqual(["/body/age", "/body/a~1b", "/body/a~1b"]);
  });

  test("of a decoder are the client's, too", async () => {
    const link = t.Decode(t.String(), (text: string) => new URL(text));
    expect(await faultsOf(link, "no url")).toEqual([
      { pointer: "/body", detail: "has a value that cannot be decoded" },
    ]);
  });
});

describe("unions and dates", () => {
  const app = new Robyn();
  const schema = t.Object({
    value: t.Union([t.Integer(), t.Null(), t.Literal("all")]),
    at: t.Optional(t.Date()),
  });
  app.get("/", { query: schema, response: schema }, ({ query }) => query);
  app.post("/", { body: schema }, ({ body }) => ({ type: body.at instanceof Date }));
  const client = createClient(app);

  test("a string becomes the first alternative that fits", async () => {
    expect(await (await client.get("/?value=7")).json()).toEqual({ value: 7 });
    expect(await (await client.get("/?value=null")).json()).toEqual({ value: null });
    expect(await (await client.get("/?value=all")).json()).toEqual({ value: "all" });
  });

  test("a union that fits nowhere is one fault", async () => {
    const problem = await (await client.get("/?value=some")).json();
    expect(problem).toMatchObject({ errors: [{ pointer: "/query/value" }] });
    expect((problem as { errors: unknown[] }).errors).toHaveLength(1);
  });

  test("a date is a Date in the handler and text on the wire", async () => {
    const at = "2026-01-02T03:04:05.000Z";
    expect(await (await client.get("/", { query: { value: 1, at } })).json()).toEqual({
      value: 1,
      at,
    });
    expect(await (await client.post("/", { json: { value: 1, at } })).json()).toEqual({
      type: true,
    });
    expect((await client.get("/?value=1&at=yesterday")).status).toBe(422);
  });
});

describe("answers", () => {
  const log = recordingLogger();
  const app = new Robyn({ logger: log });
  const User = t.Object({ id: t.Integer(), friends: t.Array(t.Object({ name: t.String() })) });
  const row = { id: 1, hash: "SECRET", friends: [{ name: "Ada", hash: "SECRET" }] };
  app.get("/plain", { response: User }, () => row);
  app.get("/async", { response: User }, async () => row);
  app.get(
    "/by-status",
    { response: { 200: User, 404: t.Object({ error: t.String() }) } },
    ({ status }) => status(404, { error: "gone", ...{ hash: "SECRET" } }),
  );
  app.get("/zod", { response: z.object({ id: z.number() }) }, () => row);
  app.get("/union", { response: t.Union([User, t.Null()]) }, () => row);
  app.get("/broken", { response: User }, () => ({
    id: "SECRET" as unknown as number,
    friends: [],
  }));
  app.get("/raw", { response: User }, () => new Response("as it is"));
  const client = createClient(app);

  test.each(["/plain", "/async", "/by-status", "/zod", "/union"])(
    "%s loses what is not declared",
    async (path) => {
      const text = await (await client.get(path)).text();
      expect(text).not.toContain("SECRET");
      expect(text.length).toBeGreaterThan(2);
    },
  );

  test("the value of the handler itself is not changed", () => {
    expect(row.hash).toBe("SECRET");
  });

  test("one that breaks its schema is a 500 that tells the log and not the client", async () => {
    const response = await client.get("/broken");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("integer");
    expect(log.errors()).toContain("/id must be integer");
  });

  test("a Response is the handler's own affair", async () => {
    expect(await (await client.get("/raw")).text()).toBe("as it is");
  });
});

describe("onValidationError", () => {
  test("gives every validation error its own form, with 422 unless it says otherwise", async () => {
    const app = new Robyn({
      onValidationError: ({ part, issues }) => ({ part, count: issues.length }),
    });
    app.get("/", { query: t.Object({ a: t.Integer() }) }, () => "");
    app.get("/other", () => {
      throw new HttpError(422, "another 422");
    });
    const client = createClient(app);
    const response = await client.get("/");
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ part: "query", count: 1 });
    expect(await (await client.get("/other")).json()).toMatchObject({ detail: "another 422" });
  });

  test("exception handlers see the error with its part and issues", async () => {
    const app = new Robyn();
    app.get(
      "/",
      { headers: t.Object({ "x-count": t.Integer() }) },
      ({ headers }) => headers["x-count"],
    );
    app.exception((error) => (error instanceof ValidationError ? error.issues : undefined));
    const client = createClient(app);
    expect(await (await client.get("/", { headers: { "X-Count": "7" } })).json()).toBe(7);
    expect(await (await client.get("/")).json()).toEqual([
      { pointer: "/x-count", detail: "is required" },
    ]);
  });
});

test("before hooks run before the validation, so a guard answers first", async () => {
  const app = new Robyn();
  app.beforeRequest(({ status }) => status(401, "who are you?"));
  app.get("/", { query: t.Object({ a: t.Integer() }) }, () => "");
  expect((await createClient(app).get("/")).status).toBe(401);
});

test("something that is no schema is refused at start, by name", () => {
  const app = new Robyn();
  app.get("/", { query: "id" as unknown as ReturnType<typeof t.String> }, () => "");
  expect(app.compile()).rejects.toThrow(/GET \/.*"query"/);
});

describe("a schema that no request can pass is refused at start", () => {
  const cases: [string, (app: Robyn) => unknown, RegExp][] = [
    [
      "of a parameter that the path does not have",
      (app) => app.get("/:id", { params: t.Object({ idd: t.Integer() }) }, () => ""),
      /GET \/:id .*"idd".*The path has id/s,
    ],
    [
      "of a header in upper case",
      (app) => app.get("/", { headers: t.Object({ "X-Key": t.String() }) }, () => ""),
      /"X-Key".*Write "x-key"/s,
    ],
    [
      "of the body of a GET",
      (app) => app.get("/", { body: t.Object({}) }, () => ""),
      /GET \/ .*body.*Use POST/s,
    ],
  ];
  test.each(cases)("%s", async (_, define, message) => {
    const app = quietApp();
    define(app);
    expect(app.compile()).rejects.toThrow(message);
  });
});

test("an application without schemas does not load TypeBox", async () => {
  const script = (use: string) => `
    import { Robyn, t } from "robyn";
    const app = new Robyn().get("/", () => "x");
    await app.request("/");
    ${use};
    console.log(Object.keys(require.cache).filter((path) => path.includes("typebox")).length > 0);
  `;
  const run = async (use: string) => {
    const child = Bun.spawn([process.execPath, "-e", script(use)], {
      cwd: import.meta.dir,
      stderr: "inherit",
    });
    return (await new Response(child.stdout).text()).trim();
  };
  expect(await run("")).toBe("false");
  expect(await run("t.String()")).toBe("true");
});
