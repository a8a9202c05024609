import { sValidator } from "@hono/standard-validator";
import { Hono } from "hono";
import { serveStatic } from "hono/bun";
import { z } from "zod";
import { filesDirectory } from "../../harness/files.ts";
import { host, listening, refuse, subjectArguments, type User, userOf } from "../support.ts";

const { plan, port } = subjectArguments();
const app = new Hono();
const [path = ""] = plan.routes;

const user = z.object({
  name: z.string().min(1).max(100),
  age: z.number().int().min(0),
  active: z.boolean(),
});

if (plan.kind === "static") {
  const root = filesDirectory();
  const rewriteRequestPath = (asked: string) => asked.slice("/files".length);
  app.get("/files/*", serveStatic({ root, rewriteRequestPath }));
} else if (plan.checks === "nothing") {
  app.post(path, async (context) => context.json(userOf(await context.req.json<User>())));
} else if (plan.kind === "post" && plan.checks === "request") {
  app.post(path, sValidator("json", user), (context) =>
    context.json(userOf(context.req.valid("json"))),
  );
} else {
  // It has no response schemas, and coerces only where Zod is told to.
  refuse(plan);
}

const server = Bun.serve({ hostname: host, port, development: false, fetch: app.fetch });
listening(server.port);
