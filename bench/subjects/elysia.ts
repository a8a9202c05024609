import { Elysia } from "elysia";
import { healthy, hooksPath } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
const app = new Elysia();

// Hooks first: in Elysia they apply to the routes defined after them.
if (plan.hooks) {
  let before = 0;
  let after = 0;
  app.onBeforeHandle(() => {
    before++;
  });
  app.onAfterHandle(() => {
    after++;
  });
  app.get(hooksPath, () => `${before},${after}`);
}

for (const path of plan.routes) {
  if (plan.kind === "param") app.get(path, ({ params }) => params.id);
  // A plain value instead of a handler is Elysia's static response.
  else app.get(path, plan.kind === "const" ? healthy : () => healthy);
}

app.listen({ port, hostname: host });
listening(app.server?.port);
