/** A worker of the cluster tests: an application with kept answers that tells who made them. */
import { Robyn } from "robyn";
import { silentLogger } from "./log.ts";

const me = process.env.CREW_NAME ?? "alone";
let runs = 0;

const app = new Robyn({ logger: silentLogger });
app.get("/made/:id", { cache: { ttl: 60, tags: ["made"] } }, async ({ params }) => {
  await Bun.sleep(30);
  return { by: me, id: params.id, run: ++runs };
});
app.get("/never/:id", { cache: 60 }, () => new Promise(() => {}));
app.get("/const", { const: true }, () => ({ by: me, text: "a text that repeats ".repeat(200) }));
app.post("/invalidate/:tag", ({ params }) => {
  app.cache.invalidate({ tag: params.tag });
  return null;
});
app.get("/stats", () => app.cache.stats());

const { port } = await app.start({ port: 0, banner: false, signals: false });
console.log(`listening ${port}`);
