/** Bun's own directory route: answered without entering JavaScript. */
import { filesDirectory } from "../../harness/files.ts";
import { host, listening, refuse, subjectArguments } from "../support.ts";

const { plan, port } = subjectArguments();
if (plan.kind !== "static") refuse(plan);

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  routes: { "/files/*": { dir: filesDirectory() } },
  fetch: () => new Response("Not Found", { status: 404 }),
});

listening(server.port);
