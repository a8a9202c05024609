/** The control of cached answers: one `Response`, cloned for every request, with the head that a cached one has. */
import { healthy } from "../plan.ts";
import { host, listening, refuse, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
if (plan.kind !== "cached") refuse(plan);

const prepared = Response.json(healthy, {
  headers: { age: "7", "cache-status": "robyn; hit; ttl=53" },
});
const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  fetch: () => prepared.clone() as Response,
});

listening(server.port);
