/**
 * Nanoseconds per match of a whole URL: `bun micro.ts <matcher> <routes> <read|find>` prints the best loop of many.
 * One matcher per process, so that no other one has taught the compiler its shapes. `read` takes the parameter as a
 * string too, `find` leaves it where it is.
 */
import { shuffle } from "../probes.ts";
import { matchers } from "./matchers.ts";

const [, , name = "robyn", count = "1000", what = "read", milliseconds = "1500"] = process.argv;
const routes = Array.from({ length: Number(count) }, (_, n) => `/api/v1/resource${n}/items/:id`);
const create = matchers[name];
if (create === undefined) throw new TypeError(`There is no matcher "${name}"`);
const matcher = create(routes);

const asked = Array.from({ length: 1_000 }, (_, index) => {
  const route = index % routes.length;
  const id = String(10_000 + ((index * 7_919) % 90_000));
  return { route, id, url: `http://127.0.0.1:8080/api/v1/resource${route}/items/${id}` };
});
// Parsed text is flat, as a URL from the server is; concatenated text is a tree that the first reader flattens.
const urls: string[] = JSON.parse(JSON.stringify(shuffle(asked).map(({ url }) => url)));

for (const { route, id, url } of asked) {
  const found = matcher.find(url);
  if (found !== route || matcher.id() !== id) {
    throw new Error(`wrong answer: ${url} is route ${found} with id "${matcher.id()}"`);
  }
}
if (matcher.find("http://127.0.0.1:8080/no/such/route") >= 0) {
  throw new Error("wrong answer: found a route that does not exist");
}

const loop = what === "read" ? readAll : findAll;
let best = Number.POSITIVE_INFINITY;
const deadline = performance.now() + Number(milliseconds);
let sum = 0;
while (performance.now() < deadline) {
  const begin = Bun.nanoseconds();
  sum += loop();
  best = Math.min(best, (Bun.nanoseconds() - begin) / urls.length);
}
if (sum <= 0) throw new Error("nothing was found");
console.log(JSON.stringify(best));

function findAll(): number {
  let total = 0;
  for (const url of urls) total += matcher.find(url);
  return total;
}

function readAll(): number {
  let total = 0;
  for (const url of urls) total += matcher.find(url) + matcher.id().length;
  return total;
}
