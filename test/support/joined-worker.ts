/** A worker of a cluster that Redis joins to others: it keeps answers, and ends them when it is told to. */
import { Robyn } from "robyn";
import { redis } from "robyn/redis";
import type { Adapter } from "../../src/server/adapter.ts";
import { silentLogger } from "./log.ts";

const me = process.env.CREW_NAME ?? "nobody";
const inner = redis(process.env.REDIS_URL!, { heartbeat: 100, version: "1" });
const joined = Promise.withResolvers<Awaited<ReturnType<Adapter["open"]>>>();
/** All of them are one cluster, though no primary has started them. */
const adapter: Adapter = {
  name: inner.name,
  async open(surroundings) {
    const opened = await inner.open({ ...surroundings, cluster: process.env.CREW_CLUSTER! });
    joined.resolve(opened);
    return opened;
  },
};

let runs = 0;
const app = new Robyn({ logger: silentLogger, adapter });
app.get("/made/:id", { cache: { ttl: 600, tags: ["made"] } }, () => `${me} ${++runs}`);
// What it answers changes elsewhere.
app.get(
  "/value/:id",
  { cache: { ttl: 600, tags: ({ params }) => [`${params.id}`] } },
  ({ params }) =>
    fetch(`${process.env.SOURCE_URL}/${params.id}`).then((response) => response.text()),
);
app.post("/invalidate/:tag", ({ params }) => {
  app.cache.invalidate({ tag: params.tag });
  return null;
});
app.get("/connected", async () => (await joined.promise).counts().connected);
app.get("/owes", () => app.cache.debts?.areOpen());

const { port } = await app.start({ port: 0, banner: false, signals: false });
console.log(`listening ${port}`);
