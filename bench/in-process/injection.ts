/**
 * Nanoseconds per request in process, by what is injected: `bun injection.ts <plain|unread|value|state|request|disposed>
 * [milliseconds]` prints the best loop of many. One kind per process, so that no other has taught the compiler its shapes.
 * `state` is what `request` stands for without injection: a hook that leaves a value for the handler.
 */
import { perRequest, Robyn } from "../../src/index.ts";

const [, , kind = "plain", milliseconds = "1500"] = process.argv;
const requests = Array.from(
  { length: 1_000 },
  (_, n) => new Request(`http://127.0.0.1:8080/users/${n}`),
);
const app = application();
await check();

let best = Number.POSITIVE_INFINITY;
const deadline = performance.now() + Number(milliseconds);
while (performance.now() < deadline) {
  const begin = Bun.nanoseconds();
  for (const request of requests) void app.fetch(request);
  best = Math.min(best, (Bun.nanoseconds() - begin) / requests.length);
  // What ended in this turn is let go of in the next, and is not measured.
  await new Promise<void>((resolve) => void setImmediate(resolve));
}
console.log(JSON.stringify(best));
process.exit(0);

async function check(): Promise<void> {
  const expected = kind === "plain" || kind === "unread" ? "7" : "7 of ann";
  const text = await (await app.request("/users/7")).text();
  if (text !== expected) throw new Error(`wrong answer: ${kind} answered ${JSON.stringify(text)}`);
}

function application() {
  const made = new Robyn<{ user: { name: string } }>();
  const path = "/users/:id";
  switch (kind) {
    case "plain":
      return made.get(path, ({ params }) => params.id);
    case "unread":
      return made.inject({ user: { name: "ann" } }).get(path, ({ params }) => params.id);
    case "value":
      return made
        .inject({ user: { name: "ann" } })
        .get(path, ({ params, user }) => `${params.id} of ${user.name}`);
    case "state":
      return made
        .beforeRequest(({ state }) => void (state.user = { name: "ann" }))
        .get(path, ({ params, state }) => `${params.id} of ${state.user.name}`);
    case "request":
      return made
        .inject({ user: perRequest(() => ({ name: "ann" })) })
        .get(path, ({ params, user }) => `${params.id} of ${user.name}`);
    case "disposed":
      return made
        .inject({ user: perRequest(() => ({ name: "ann", [Symbol.dispose]() {} })) })
        .get(path, ({ params, user }) => `${params.id} of ${user.name}`);
    default:
      throw new TypeError(`There is nothing of the kind "${kind}"`);
  }
}
