import { Robyn, t } from "../../../src/index.ts";
import { filesDirectory } from "../../harness/files.ts";
import { host, listening, subjectArguments, userOf, userRecordOf } from "../support.ts";

const { plan, port } = subjectArguments();
const app = new Robyn();
const [path = ""] = plan.routes;

if (plan.kind === "static") {
  app.serveDirectory("/files", filesDirectory());
} else if (plan.kind === "coercion") {
  const item = { params: t.Object({ id: t.Integer() }), query: itemQuery() };
  app.get("/items/:id", item, ({ params: { id }, query: { page, limit, active } }) => {
    return { id, page, limit, active };
  });
} else if (plan.checks === "nothing") {
  app.post(path, async ({ json }) => userOf(Object(await json())));
} else if (plan.checks === "request") {
  app.post(path, { body: userSchema() }, ({ body }) => userOf(body));
} else {
  app.post(path, { body: userSchema(), response: userSchema() }, ({ body }) => userRecordOf(body));
}

const server = await app.start({ host, port, banner: false });
listening(server.port);

function itemQuery() {
  return t.Object({
    page: t.Integer({ minimum: 1 }),
    limit: t.Integer({ minimum: 1, maximum: 100 }),
    active: t.Boolean(),
  });
}

function userSchema() {
  return t.Object({
    name: t.String({ minLength: 1, maxLength: 100 }),
    age: t.Integer({ minimum: 0 }),
    active: t.Boolean(),
  });
}
