/** Fields that a response schema does not declare never reach the client, whatever the form of the schema. */
import { describe, expect, test } from "bun:test";
import { type } from "arktype";
import { type Schema, t } from "robyn";
import { createClient } from "robyn/testing";
import * as v from "valibot";
import { z } from "zod";
import { quietApp } from "../support/serve.ts";

const row = { id: 1, hash: "SECRET" };
const Row = t.Object({ id: t.Integer() });
const plainRow = { type: "object", properties: { id: { type: "integer" } } };
const Named = t.Object({ name: t.String() });

/** An entity, as an ORM makes them: a declared field may be a getter. */
class Entity {
  id = 1;
  hash = "SECRET";
  get name(): string {
    return "Ada";
  }
}
const entity = new Entity();

const cases: [form: string, schema: Schema, value: unknown, answer: unknown][] = [
  ["object", Row, row, { id: 1 }],
  ["array", t.Array(Row), [row], [{ id: 1 }]],
  ["tuple", t.Tuple([Row, t.String()]), [row, "x"], [{ id: 1 }, "x"]],
  [
    "prefix items",
    { type: "array", prefixItems: [plainRow], items: { type: "string" } },
    [row, "x"],
    [{ id: 1 }, "x"],
  ],
  ["record", t.Record(t.String(), Row), { a: row }, { a: { id: 1 } }],
  [
    "record of a few names",
    t.Record(t.TemplateLiteral("x${string}"), Row),
    { x1: row, y: row },
    { x1: { id: 1 } },
  ],
  [
    "additional properties with a schema",
    t.Object({ n: t.Integer() }, { additionalProperties: Row }),
    { n: 1, a: row },
    { n: 1, a: { id: 1 } },
  ],
  [
    "additional properties",
    t.Object({ n: t.Integer() }, { additionalProperties: true }),
    { n: 1, a: 2 },
    { n: 1, a: 2 },
  ],
  ["union", t.Union([Row, t.Null()]), row, { id: 1 }],
  ["null of a union", t.Object({ row: t.Union([Row, t.Null()]) }), { row: null }, { row: null }],
  [
    "union inside",
    t.Object({ of: t.Array(t.Union([Row, Named])) }),
    { of: [row, { name: "x", hash: "SECRET" }] },
    { of: [{ id: 1 }, { name: "x" }] },
  ],
  [
    "union of a wide and a narrow object",
    t.Union([Row, t.Object({ id: t.Integer(), name: t.String() })]),
    { ...row, name: "x" },
    { id: 1, name: "x" },
  ],
  ["intersection", t.Intersect([Row, Named]), { ...row, name: "x" }, { id: 1, name: "x" }],
  [
    "intersection of nested objects",
    t.Intersect([t.Object({ a: Row }), t.Object({ a: Named })]),
    { a: { ...row, name: "x" } },
    { a: { id: 1, name: "x" } },
  ],
  [
    "recursion",
    t.Cyclic({ Node: t.Object({ id: t.Integer(), kids: t.Array(t.Ref("Node")) }) }, "Node"),
    { ...row, kids: [{ ...row, kids: [] }] },
    { id: 1, kids: [{ id: 1, kids: [] }] },
  ],
  ["a class", t.Object({ id: t.Integer(), name: t.String() }), entity, { id: 1, name: "Ada" }],
  [
    "a class in a union",
    t.Union([t.Object({ id: t.Integer(), name: t.String() }), t.Null()]),
    entity,
    { id: 1, name: "Ada" },
  ],
  ["plain JSON Schema, nullable", { ...plainRow, type: ["object", "null"] }, row, { id: 1 }],
  ["plain JSON Schema without type", { properties: plainRow.properties }, row, { id: 1 }],
  ["plain JSON Schema, union", { anyOf: [plainRow, { type: "null" }] }, row, { id: 1 }],
  [
    "plain JSON Schema, reference",
    { $defs: { Row: plainRow }, $ref: "#/$defs/Row" },
    row,
    { id: 1 },
  ],
  [
    "plain JSON Schema, union of references",
    { $defs: { Row: plainRow }, anyOf: [{ $ref: "#/$defs/Row" }, { type: "null" }] },
    row,
    { id: 1 },
  ],
  [
    "plain JSON Schema, condition",
    {
      type: "object",
      properties: { id: {} },
      if: { required: ["name"] },
      then: { properties: { name: {} } },
    },
    { ...row, name: "x" },
    { id: 1, name: "x" },
  ],
  ["nothing declared", t.Unknown(), { any: 1 }, { any: 1 }],
  [
    "Zod",
    z.object({ rows: z.array(z.object({ id: z.number() })) }),
    { rows: [row] },
    { rows: [{ id: 1 }] },
  ],
  ["Valibot", v.object({ id: v.number() }), row, { id: 1 }],
  ["ArkType", type({ id: "number" }), row, { id: 1 }],
  ["ArkType, array", type({ id: "number" }).array(), [row], [{ id: 1 }]],
  ["ArkType, union", type({ id: "number" }).or({ name: "string" }), row, { id: 1 }],
  [
    "ArkType, date",
    type({ id: "number", at: "Date" }),
    { ...row, at: new Date(0) },
    { id: 1, at: "1970-01-01T00:00:00.000Z" },
  ],
  [
    "ArkType, index",
    type({ id: "number", "[string]": "unknown" }),
    { id: 1, a: 2 },
    { id: 1, a: 2 },
  ],
];

describe("undeclared fields are dropped from", () => {
  test.each(cases)("%s", async (_, schema, value, answer) => {
    const app = quietApp();
    app.addRoute(
      "GET",
      "/",
      { response: { 200: schema } },
      () => new Promise<never>((it) => it(value as never)),
    );
    const response = await createClient(app).get("/");
    expect([response.status, await response.json()]).toEqual([200, answer]);
  });
});
