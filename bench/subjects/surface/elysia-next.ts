import { Elysia, t } from "elysia-next";
import { host, listening, subjectArguments, userOf, userRecordOf } from "../support.ts";

const { plan, port } = subjectArguments();
const app = new Elysia();
const [path = ""] = plan.routes;

const user = t.Object({
  name: t.String({ minLength: 1, maxLength: 100 }),
  age: t.Integer({ minimum: 0 }),
  active: t.Boolean(),
});

// Options stand before the handler from version 2 on.
if (plan.kind === "coercion") {
  const item = {
    params: t.Object({ id: t.Integer() }),
    query: t.Object({
      page: t.Integer({ minimum: 1 }),
      limit: t.Integer({ minimum: 1, maximum: 100 }),
      active: t.Boolean(),
    }),
  };
  app.get(path, item, ({ params: { id }, query: { page, limit, active } }) => ({
    id,
    page,
    limit,
    active,
  }));
} else if (plan.checks === "response") {
  app.post(path, { body: user, response: user }, ({ body }) => userRecordOf(body));
} else {
  app.post(path, { body: user }, ({ body }) => userOf(body));
}

app.listen({ port, hostname: host });
listening(app.server?.port);
