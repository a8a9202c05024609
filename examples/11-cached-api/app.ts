// An API in front of a slow source: answers are kept for the whole cluster and end when what they show is changed;
// what is left to compute is limited per client.
// Run it: bunx robyn examples/11-cached-api/app.ts --processes 2, then open http://127.0.0.1:8080/products
import { Database } from "bun:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpError, rateLimit, Robyn, t } from "robyn";

interface Product {
  id: number;
  name: string;
  price: number;
}

const app = new Robyn();
// All workers of a cluster ask the same source; what one of them changes, the others must find.
const database = new Database(process.env.DATABASE ?? join(tmpdir(), "robyn-products.sqlite"));
database.run("pragma busy_timeout = 2000");
database.run("pragma journal_mode = wal");
database.run("create table if not exists products (id integer primary key, name text, price real)");
database.run("insert or ignore into products values (1, 'Espresso cup', 9), (2, 'Milk jug', 14)");
const all = database.query<Product, []>("select * from products order by id");
const one = database.query<Product, [number]>("select * from products where id = ?");
const reprice = database.query<Product, [number, number]>(
  "update products set price = ? where id = ? returning *",
);
const asked = app.counter("source_queries_total", "Questions to the database.");

/** Stands for a database that takes its time. */
async function query<Value>(read: () => Value): Promise<Value> {
  asked.inc();
  await Bun.sleep(50);
  return read();
}

const Id = t.Object({ id: t.Integer() });

// Before everything else, kept answers included: nobody asks more than 100 times at once, 300 times a minute.
app.beforeRequest(
  "/products/*",
  rateLimit({ limit: 300, window: 60, burst: 100, name: "requests" }),
);

// A minute; for five more it is still served at once, while one request of the cluster asks the source again.
// Of the query only the page counts, so that ?utm=… neither fills the cache nor walks around it.
app.get(
  "/products",
  {
    cache: {
      ttl: 60,
      staleWhileRevalidate: 300,
      tags: ["products"],
      key: ({ query }) => String(query.page ?? 1),
    },
  },
  () => query(() => all.all()),
);

app.get(
  "/products/:id",
  { params: Id, cache: { ttl: 60, tags: ({ params }) => [`product:${params.id}`] } },
  ({ params }) =>
    query(() => one.get(params.id) ?? new Response("no such product", { status: 404 })),
);

// Change first, then invalidate: whoever asks from here on, in whatever process, gets the new price.
// Changes cost more than looking: five at once, then one every twelve seconds.
app.put(
  "/products/:id/price",
  {
    params: Id,
    body: t.Object({ price: t.Number({ minimum: 0 }) }),
    rateLimit: { limit: 5, window: 60, name: "changes" },
  },
  ({ params, body }) => {
    const product = reprice.get(body.price, params.id);
    if (product === null) throw new HttpError(404, `no product has the id ${params.id}`);
    app.cache.invalidate({ tag: ["products", `product:${params.id}`] });
    return product;
  },
);

app.get("/stats", () => app.cache.stats());
app.metrics("/metrics");

export default app;
