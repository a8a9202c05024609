// Metrics: what the server counts by itself, three metrics of a shop, a Prometheus configuration and a Grafana dashboard.
// Run it: bunx robyn examples/12-metrics/app.ts --processes 2, then in other terminals
//   bunx robyn top localhost:8080
//   prometheus --config.file=examples/12-metrics/prometheus.yml   (and import dashboard.json into Grafana)
import { Robyn, status, t } from "robyn";

const app = new Robyn();

const orders = app.counter("shop_orders_total", "Orders placed.", ["country"]);
const open = app.gauge("shop_open_orders", "Orders that were not shipped yet.");
const value = app.histogram("shop_order_value_euros", "Value of an order.", [], {
  range: [1, 4_096],
  bucketsPerOctave: 2,
});

const Order = t.Object({
  // Labels are kept for ever: a bounded set of them, never what a client can make up.
  country: t.Union([t.Literal("de"), t.Literal("fr"), t.Literal("it")]),
  euros: t.Number({ minimum: 0, maximum: 100_000 }),
});

app.post("/orders", { body: Order }, ({ body }) => {
  orders.inc({ country: body.country });
  open.inc();
  value.observe(body.euros);
  return status(201, { accepted: true });
});

app.post("/shipments", () => {
  open.dec();
  return status(201, { shipped: true });
});

app.get("/products/:id", async ({ params }) => {
  await Bun.sleep(Math.random() * 20);
  return { id: params.id };
});

app.metrics("/metrics");

export default app;
