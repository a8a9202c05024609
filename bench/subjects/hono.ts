import { Hono } from "hono";
import { healthy, hooksPath } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
const app = new Hono();

if (plan.hooks) {
  let before = 0;
  let after = 0;
  // Hono has one kind of hook, and it is asynchronous.
  app.use(async (_context, next) => {
    before++;
    await next();
    after++;
  });
  app.get(hooksPath, (context) => context.text(`${before},${after}`));
}

for (const path of plan.routes) {
  if (plan.kind === "param") app.get(path, (context) => context.text(context.req.param("id")));
  else app.get(path, (context) => context.json(healthy));
}

const server = Bun.serve({ hostname: host, port, development: false, fetch: app.fetch });
listening(server.port);
