/**
 * Nanoseconds that a validated POST of JSON takes without a server: `bun post.ts <bare|robyn|metrics> [milliseconds]` prints
 * the best loop of many. Requests are made beforehand, so the difference to `bare` is what the framework itself does; what Bun
 * does for the first look at a header over a socket is not part of it. One process each, or they would share what the
 * compiler has learnt.
 */
import { Robyn, t } from "../../src/index.ts";
import { userOf } from "../subjects/support.ts";

type Answer = (request: Request) => Response | Promise<Response>;

const [, , subject = "robyn", milliseconds = "3000"] = process.argv;
const sent = JSON.stringify({ name: "user10001", age: 37, active: true });
const headers = { "content-type": "application/json", "content-length": String(sent.length) };
const requests = 2_000;

const answer = subject === "bare" ? bare : robyn(subject === "metrics").fetch;
const first = await (await answer(requestOf())).text();
if (first !== sent) throw new Error(`wrong answer: ${first}`);

let best = Number.POSITIVE_INFINITY;
const deadline = performance.now() + Number(milliseconds);
while (performance.now() < deadline) {
  const made = Array.from({ length: requests }, requestOf);
  const begin = Bun.nanoseconds();
  for (const request of made) await answer(request);
  best = Math.min(best, (Bun.nanoseconds() - begin) / requests);
}
console.log(JSON.stringify(best));
process.exit(0);

/** Its body comes a turn later, as over a socket: of what is there at once, the framework would not keep the time. */
function requestOf(): Request {
  const request = new Request("http://localhost:3000/users", { method: "POST", headers });
  const text = () => Promise.resolve().then(() => sent);
  return Object.assign(request, { text, json: () => text().then((body) => JSON.parse(body)) });
}

async function bare(request: Request): Promise<Response> {
  return Response.json(userOf(Object(await request.json())));
}

function robyn(measures: boolean): { fetch: Answer } {
  const body = t.Object({
    name: t.String({ minLength: 1, maxLength: 100 }),
    age: t.Integer({ minimum: 0 }),
    active: t.Boolean(),
  });
  const app = new Robyn();
  if (measures) app.metrics("/metrics");
  app.post("/users", { body }, (context) => userOf(context.body));
  return app;
}
