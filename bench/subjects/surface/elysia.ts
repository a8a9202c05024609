import { Elysia, t } from "elysia";
import { host, listening, subjectArguments, userOf, userRecordOf } from "../support.ts";

const { plan, port } = subjectArguments();
const app = new Elysia();
const [path = ""] = plan.routes;

const user = t.Object({
  name: t.String({ minLength: 1, maxLength: 100 }),
  age: t.Integer({ minimum: 0 }),
  active: t.Boolean(),
});

if (plan.kind === "coercion") {
  const item = {
    params: t.Object({ id: t.Integer() }),
    query: t.Object({
      page: t.Integer({ minimum: 1 }),
      limit: t.Integer({ minimum: 1, maximum: 100 }),
      active: t.Boolean(),
    }),
  };
  app.get(
    path,
    ({ params: { id }, query: { page, limit, active } }) => ({ id, page, limit, active }),
    item,
  );
} else if (plan.checks === "response") {
  app.post(path, ({ body }) => userRecordOf(body), { body: user, response: user });
} else {
  app.post(path, ({ body }) => userOf(body), { body: user });
}

app.listen({ port, hostname: host });
listening(app.server?.port);
