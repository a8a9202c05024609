/** Every part of a request with every vendor: one behaviour, one form of error. */
import { describe, expect, test } from "bun:test";
import { type } from "arktype";
import { Robyn, t } from "robyn";
import { createClient } from "robyn/testing";
import * as v from "valibot";
import { z } from "zod";

/** The same schema in four languages: an integer, a flag, a list of strings, an optional text. */
const vendors = {
  typebox: t.Object({
    count: t.Integer({ minimum: 0 }),
    flag: t.Boolean(),
    tags: t.Array(t.String()),
    text: t.Optional(t.String()),
  }),
  zod: z.object({
    count: z.number().int().min(0),
    flag: z.boolean(),
    tags: z.array(z.string()),
    text: z.string().optional(),
  }),
  valibot: v.object({
    count: v.pipe(v.number(), v.integer(), v.minValue(0)),
    flag: v.boolean(),
    tags: v.array(v.string()),
    text: v.optional(v.string()),
  }),
  arktype: type({
    count: "number.integer >= 0",
    flag: "boolean",
    tags: "string[]",
    "text?": "string",
  }),
};

describe.each(Object.entries(vendors))("%s", (_, schema) => {
  const app = new Robyn();
  app.get("/query", { query: schema }, ({ query }) => query as object);
  app.post("/body", { body: schema }, ({ body }) => body as object);
  app.post("/form", { body: schema, bodyType: "form" }, ({ body }) => body as object);
  const client = createClient(app);
  const valid = { count: 3, flag: true, tags: ["a"] };

  test("strings of a query are coerced, and a key given once is a list where one is asked for", async () => {
    const response = await client.get("/query?count=3&flag=true&tags=a");
    expect(await response.json()).toEqual(valid);
    const several = await client.get("/query?count=0&flag=false&tags=a&tags=b&text=7");
    expect(await several.json()).toEqual({ count: 0, flag: false, tags: ["a", "b"], text: "7" });
  });

  test("JSON is taken as it is and never coerced", async () => {
    expect(await (await client.post("/body", { json: valid })).json()).toEqual(valid);
    const response = await client.post("/body", { json: { ...valid, count: "3" } });
    expect(response.status).toBe(422);
    expect(pointers(await response.json())).toEqual(["/body/count"]);
  });

  test("forms are strings, so they are coerced", async () => {
    const body = new URLSearchParams([
      ["count", "3"],
      ["flag", "1"],
      ["tags", "a"],
    ]);
    expect(await (await client.post("/form", { body })).json()).toEqual(valid);
    expect(
      await (
        await client.post("/form", { form: { count: "3", flag: "true", tags: ["a"] } })
      ).json(),
    ).toEqual(valid);
  });

  test("every fault has its pointer and a sentence, and no value is repeated", async () => {
    const response = await client.post("/body", {
      json: { count: -1, flag: "SECRET", tags: ["a", 7] },
    });
    const problem = (await response.json()) as Problem;
    expect(pointers(problem).toSorted()).toEqual(["/body/count", "/body/flag", "/body/tags/1"]);
    for (const { detail } of problem.errors) expect(detail).not.toBeEmpty();
    expect(response.headers.get("content-type")).toBe("application/problem+json");
  });

  test("a missing property is a fault at its own pointer", async () => {
    const response = await client.post("/body", { json: { count: 1, flag: true } });
    expect(pointers(await response.json())).toEqual(["/body/tags"]);
  });

  test.each([
    "count=x",
    "count=1.5",
    "count=",
    "count=9007199254740993",
    "count=0x10",
    "count=1_000",
  ])("%s is no integer", async (query) => {
    expect((await client.get(`/query?${query}&flag=true&tags=a`)).status).toBe(422);
  });

  test("keys of the prototype are data and change nothing", async () => {
    await client.get("/query?__proto__=1&constructor=2&count=1&flag=true&tags=a");
    await client.post("/body", {
      body: '{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}',
      headers: json,
    });
    await client.post("/form", {
      body: new URLSearchParams("__proto__=1&__proto__=2&constructor=3"),
    });
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

interface Problem {
  errors: { pointer: string; detail: string }[];
}

const json = { "content-type": "application/json" };

function pointers(problem: unknown): string[] {
  return (problem as Problem).errors.map((error) => error.pointer);
}
