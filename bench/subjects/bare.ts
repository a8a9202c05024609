/** The control: no routing, and `request.url` is not even read. What is left is what Bun itself costs. */
import { fixedId, healthy } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  fetch: plan.kind === "param" ? () => new Response(fixedId) : () => Response.json(healthy),
});

listening(server.port);
