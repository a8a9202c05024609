// Validation: the same route with TypeBox and with Zod. Run it: bunx robyn examples/07-validation/app.ts
//
//   curl localhost:8080/typebox/orders/7?express=true -d '{"item":"tea","count":2}' -H 'content-type: application/json'
//   curl localhost:8080/zod/orders/seven -d '{"count":"2"}' -H 'content-type: application/json'
import { Robyn, SubRouter, t } from "robyn";
import { z } from "zod";

const app = new Robyn();

// TypeBox: JSON Schema that the compiler understands. Path and query are strings and are coerced; JSON is not.
const Order = t.Object({
  id: t.Integer(),
  item: t.String(),
  count: t.Integer(),
  express: t.Boolean(),
});
const Problem = t.Object({ error: t.String() });

app.includeRouter(
  new SubRouter("/typebox").post(
    "/orders/:id",
    {
      params: t.Object({ id: t.Integer({ minimum: 1 }) }),
      query: t.Object({ express: t.Boolean({ default: false }), at: t.Optional(t.Date()) }),
      body: t.Object({
        item: t.String({ minLength: 1 }),
        count: t.Integer({ minimum: 1, maximum: 99 }),
      }),
      // What an answer may hold, by status. The compiler checks it, and fields that are not declared never leave.
      response: { 201: Order, 409: Problem },
    },
    ({ params, query, body, status }) => {
      if (body.item === "coffee") return status(409, { error: "coffee is sold out" });
      const margin = 0.4; // stays here: Order does not declare it
      const order = { id: params.id, ...body, express: query.express, margin };
      return status(201, order);
    },
  ),
);

// Zod, or any other Standard Schema: the same parts, the same errors.
app.includeRouter(
  new SubRouter("/zod").post(
    "/orders/:id",
    {
      params: z.object({ id: z.number().int().min(1) }),
      query: z.object({ express: z.boolean().default(false) }),
      body: z.object({ item: z.string().min(1), count: z.number().int().min(1).max(99) }),
    },
    ({ params, query, body, status }) =>
      status(201, { id: params.id, ...body, express: query.express }),
  ),
);

export default app;
