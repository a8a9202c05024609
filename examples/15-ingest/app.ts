// An ingest: events come by HTTP into a channel; one consumer in the cluster writes them to SQLite, many at once.
// Run it: bunx robyn examples/15-ingest/app.ts, then
//   curl -d '{"kind":"temperature","value":21.5}' -H content-type:application/json http://127.0.0.1:8080/events
// INGEST=direct writes each event in its request instead; measure.ts compares the two.
import { Robyn, t } from "robyn";
import { openStore } from "./store.ts";

const Event = t.Object({ kind: t.String({ maxLength: 50 }), value: t.Number() });
const Accepted = t.Object({ id: t.String(), kind: t.String(), value: t.Number() });

const app = new Robyn();
const store = openStore(process.env.EVENTS_FILE ?? "events.sqlite");
app.shutdownHandler(() => store.close());

// A second of the fastest sender, and the answer to the slowest disk: then `send` waits, and so do clients.
const events = app.channel("events", {
  schema: Accepted,
  capacity: 20_000,
  batch: 1_000,
  delay: 10,
});
events.consume((batch) => store.write(batch));

const isDirect = process.env.INGEST === "direct";
app.post("/events", { body: Event }, async ({ body, status }) => {
  const event = { id: Bun.randomUUIDv7(), ...body };
  if (isDirect) store.write([event]);
  else await events.send(event);
  // 202: it will be stored, whatever happens to this process now.
  return status(isDirect ? 201 : 202, { id: event.id });
});

app.get("/events/count", () => ({ stored: store.count(), waiting: events.stats().depth }));
app.get("/events/channel", () => events.stats());

export default app;
