// A live dashboard by event streams: a job publishes the state of the machine once a second, requests publish orders, and
// every open page shows both, whichever process its stream is in.
// Run it: bunx robyn examples/14-dashboard/app.ts --processes 2, then open http://127.0.0.1:8080 and
//   curl -d '{"amount":25}' -H content-type:application/json http://127.0.0.1:8080/orders
import { loadavg } from "node:os";
import { Robyn, sse, t } from "robyn";

// A page that was away for a minute gets what it missed; one that was away for longer is told so.
const app = new Robyn({ topics: { history: 120 } });
const interval_ms = Number(process.env.SAMPLE_INTERVAL ?? 1_000);

app.get("/", () => Bun.file(`${import.meta.dir}/page.html`));
app.get("/figures", () => sse.subscribe("figures"));

const Order = t.Object({ amount: t.Number({ exclusiveMinimum: 0 }) });
app.post("/orders", { body: Order }, ({ body, status }) => {
  app.publish("figures", { kind: "order", amount: body.amount, from: app.cluster.index });
  return status(202);
});

// In exactly one process, and in another when that one ends: two would show everything twice.
app.once("sampler", async (signal) => {
  while (!signal.aborted) {
    app.publish("figures", { kind: "machine", load: loadavg()[0], from: app.cluster.index });
    await Bun.sleep(interval_ms);
  }
});

// For the curious: in which process this answer was made.
app.get("/who", () => ({ index: app.cluster.index }));

export default app;
