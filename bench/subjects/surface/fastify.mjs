// Node runs this one: no TypeScript there.
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const [, , plan = "post", port = "0"] = process.argv;
const rule = JSON.parse(readFileSync(new URL("../../plans.json", import.meta.url), "utf8"))[plan];
if (rule.kind !== "post") throw new TypeError(`This subject does not serve the plan ${plan}`);

const user = {
  type: "object",
  required: ["name", "age", "active"],
  properties: {
    name: { type: "string", minLength: 1, maxLength: 100 },
    age: { type: "integer", minimum: 0 },
    active: { type: "boolean" },
  },
};

const app = Fastify();
if (rule.checks === "response") {
  const schema = { body: user, response: { 200: user } };
  app.post(rule.route, { schema }, async ({ body: { name, age, active } }) => {
    return { name, age, active, password: "never sent" };
  });
} else {
  app.post(rule.route, { schema: { body: user } }, async ({ body: { name, age, active } }) => {
    return { name, age, active };
  });
}

await app.listen({ port: Number(port), host: "127.0.0.1" });
console.log(`listening ${app.server.address().port}`);
