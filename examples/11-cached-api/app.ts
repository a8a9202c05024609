// An API in front of a slow source: answers are kept for the whole cluster and end when what they show is changed.
// Run it: bunx robyn examples/11-cached-api/app.ts, then open http://127.0.0.1:8080/products
import { HttpError, Robyn, t } from "robyn";

const app = new Robyn();
const products = new Map([
  [1, { id: 1, name: "Espresso cup", price: 9 }],
  [2, { id: 2, name: "Milk jug", price: 14 }],
]);
let asked = 0;

/** Stands for a database that takes its time. */
async function query<Value>(read: () => Value): Promise<Value> {
  asked++;
  await Bun.sleep(50);
  return read();
}

const Id = t.Object({ id: t.Integer() });

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
  () => query(() => [...products.values()]),
);

app.get(
  "/products/:id",
  { params: Id, cache: { ttl: 60, tags: ({ params }) => [`product:${params.id}`] } },
  ({ params }) =>
    query(() => products.get(params.id) ?? new Response("no such product", { status: 404 })),
);

// Change first, then invalidate: whoever asks from here on, in whatever process, gets the new price.
app.put(
  "/products/:id/price",
  { params: Id, body: t.Object({ price: t.Number({ minimum: 0 }) }) },
  ({ params, body }) => {
    const product = products.get(params.id);
    if (product === undefined) throw new HttpError(404, `no product has the id ${params.id}`);
    product.price = body.price;
    app.cache.invalidate({ tag: ["products", `product:${params.id}`] });
    return product;
  },
);

app.get("/stats", () => ({ asked, ...app.cache.stats() }));

export default app;
