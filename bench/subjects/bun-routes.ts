/** Bun's own router. */
import { healthy } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();

type Answer = (request: Bun.BunRequest) => Response;
const answer: Answer =
  plan.kind === "param"
    ? (request) => new Response(request.params.id)
    : () => Response.json(healthy);

const routes: Record<string, { GET: Answer }> = {};
for (const path of plan.routes) routes[path] = { GET: answer };

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  routes,
  fetch: () => new Response("Not Found", { status: 404 }),
});

listening(server.port);
