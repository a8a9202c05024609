/** The fastest router in JavaScript that we know, by hand in `fetch`: a router, not a framework. */
import { Memoirist } from "memoirist";
import { healthy } from "../plan.ts";
import { host, listening, subjectArguments } from "./support.ts";

const { plan, port } = subjectArguments();

type Handler = (params: Record<string, string>) => Response;
const handler: Handler =
  plan.kind === "param" ? ({ id }) => new Response(id) : () => Response.json(healthy);

const router = new Memoirist<Handler>();
for (const path of plan.routes) router.add("GET", path, handler);

const server = Bun.serve({
  hostname: host,
  port,
  development: false,
  fetch: ({ method, url }) => {
    const start = url.indexOf("/", "http://".length);
    const end = url.indexOf("?", start);
    const found = router.find(method, end < 0 ? url.slice(start) : url.slice(start, end));
    if (found === null) return new Response("Not Found", { status: 404 });
    return found.store(found.params);
  },
});

listening(server.port);
