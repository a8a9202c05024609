import { Robyn } from "../../src/index.ts";
import { healthy, hooksPath } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
const app = new Robyn();

for (const path of plan.routes) {
  if (plan.kind === "param") app.get(path, ({ params }) => params.id);
  else if (plan.kind === "cached") app.get(path, { cache: 60 }, () => healthy);
  else app.get(path, { const: plan.kind === "const" }, () => healthy);
}

if (plan.hooks) {
  let before = 0;
  let after = 0;
  app.beforeRequest(() => {
    before++;
  });
  app.afterRequest(() => {
    after++;
  });
  app.get(hooksPath, () => `${before},${after}`);
}

if (plan.metrics) app.metrics("/metrics");

const server = await app.start({ host, port, banner: false });
listening(server.port);
