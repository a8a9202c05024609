/**
 * How long it takes until N routes are defined and can be matched: `bun define.ts <robyn|bun-routes> <routes>` prints
 * milliseconds. One measurement per process, cold, because that is how an application meets it.
 */
import { Robyn } from "../../src/index.ts";

const [, , subject = "robyn", count = "1000"] = process.argv;
const paths = Array.from({ length: Number(count) }, (_, n) => `/api/v1/resource${n}/items/:id`);
const last = `/api/v1/resource${paths.length - 1}/items/7`;

const begin = performance.now();
const ask = subject === "robyn" ? defineRobyn() : defineBunRoutes();
// Robyn seals on its first request; Bun's table is ready when `serve` returns.
const first = subject === "robyn" ? await ask() : undefined;
const milliseconds = performance.now() - begin;

const answer = await (first ?? (await ask())).text();
if (answer !== "7") throw new Error(`wrong answer: ${last} answered ${JSON.stringify(answer)}`);
console.log(JSON.stringify(milliseconds));
process.exit(0);

function defineRobyn(): () => Promise<Response> {
  const app = new Robyn();
  for (const path of paths) app.get(path, ({ params }) => params.id);
  return () => app.request(last);
}

function defineBunRoutes(): () => Promise<Response> {
  const routes: Record<string, { GET: (request: Bun.BunRequest) => Response }> = {};
  for (const path of paths) routes[path] = { GET: ({ params }) => new Response(params.id) };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, development: false, routes });
  return () => fetch(new URL(last, server.url));
}
