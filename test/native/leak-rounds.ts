/**
 * Not a test: the process that `leak.test.ts` watches. Each round builds and destroys tables and caches and searches;
 * a line of JSON per round tells the resident memory afterwards.
 */
import { loadCore } from "../../src/native/load.ts";
import { silentLogger } from "../support/log.ts";

const rounds = 8;
const core = loadCore("zig", silentLogger);
const body = new Uint8Array(4_096).fill(7);
const table = makeTable();

for (let round = 0; round < rounds; round++) {
  for (let count = 0; count < 300; count++) {
    makeTable().destroy();
    // One that was never sealed owns other memory.
    makeTable(false).destroy();
    makeCache().destroy();
  }
  for (let count = 0; count < 125_000; count++) {
    table.find(0, "http://localhost/users/17/posts/%C3%A9?q=1");
    table.value(1);
  }
  Bun.gc(true);
  console.log(JSON.stringify({ round, rss: process.memoryUsage.rss() }));
}

function makeTable(sealed = true) {
  const made = core.createRouteTable({ strict: false });
  for (let id = 0; id < 40; id++) made.insert("GET", `/route${id}/:id/*rest`, id);
  made.insert("GET", "/users/:user/posts/:post", 40);
  made.insert("GET", "/users/:id/posts/:again", 41);
  made.insert("PURGE", "/{refused}", 42);
  if (sealed) made.seal();
  return made;
}

function makeCache() {
  const made = core.createResponseCache();
  for (let id = 0; id < 8; id++) made.put(id, "identity", { status: 200, headers: [], body });
  made.seal();
  if (made.get(0, "identity")?.body.length !== body.length)
    throw new Error("another body came back");
  return made;
}
