/** A static `Response` in Bun's own table: answered without entering JavaScript. */
import { healthy } from "../plan.ts";
import { host, listening, refuse, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
if (plan.kind !== "const") refuse(plan);

const routes: Record<string, { GET: Response }> = {};
for (const path of plan.routes) routes[path] = { GET: Response.json(healthy) };

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  routes,
  fetch: () => new Response("Not Found", { status: 404 }),
});

listening(server.port);
