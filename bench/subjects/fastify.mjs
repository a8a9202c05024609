// Node runs this one: no TypeScript there.
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const [, , plan = "param-10", port = "0"] = process.argv;
const rule = JSON.parse(readFileSync(new URL("../plans.json", import.meta.url), "utf8"))[plan];
const healthy = { status: "healthy" };
const app = Fastify();

if (rule.hooks) {
  let before = 0;
  let after = 0;
  app.addHook("onRequest", (_request, _reply, done) => {
    before++;
    done();
  });
  app.addHook("onSend", (_request, _reply, _payload, done) => {
    after++;
    done();
  });
  app.get("/hooks-ran", async () => `${before},${after}`);
}

for (let index = 0; index < rule.count; index++) {
  const path = rule.route.replace("{n}", String(index));
  if (rule.kind === "param") app.get(path, async (request) => request.params.id);
  else app.get(path, async () => healthy);
}

await app.listen({ port: Number(port), host: "127.0.0.1" });
console.log(`listening ${app.server.address().port}`);
