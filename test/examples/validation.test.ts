/** Example 07 in process: both vendors answer alike. */
import { describe, expect, test } from "bun:test";
import { createClient } from "robyn/testing";
import app from "../../examples/07-validation/app.ts";

const client = createClient(app);

describe.each(["typebox", "zod"])("example 07 with %s", (vendor) => {
  test("coerces path and query, keeps the body, answers 201", async () => {
    const response = await client.post(`/${vendor}/orders/7`, {
      query: { express: true },
      json: { item: "tea", count: 2 },
    });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ id: 7, item: "tea", count: 2, express: true });
  });

  test("answers 422 with pointers for a wrong path, and for a body of wrong types", async () => {
    const path = await client.post(`/${vendor}/orders/seven`, { json: { item: "tea", count: 2 } });
    expect(path.status).toBe(422);
    expect(path.headers.get("content-type")).toBe("application/problem+json");
    expect(await path.json()).toMatchObject({ status: 422, errors: [{ pointer: "/params/id" }] });
    const body = await client.post(`/${vendor}/orders/7`, { json: { item: "", count: "2" } });
    const { errors } = (await body.json()) as { errors: { pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toEqual(["/body/item", "/body/count"]);
  });
});

test("a declared refusal has its status", async () => {
  const response = await client.post("/typebox/orders/7", { json: { item: "coffee", count: 1 } });
  expect(response.status).toBe(409);
});
