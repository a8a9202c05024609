/** No routing either, but the URL is read and the id cut out of it: the floor for anything that routes in JavaScript. */
import { host, listening, refuse, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();
if (plan.kind !== "param") refuse(plan);

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  fetch: ({ url }) => new Response(url.slice(url.lastIndexOf("/") + 1)),
});

listening(server.port);
