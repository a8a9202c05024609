// Server-sent events: a page whose counter ticks, and goes on where it was when the connection comes back.
// Run it: bunx robyn examples/09-server-sent-events/app.ts, then open http://127.0.0.1:8080
import { Robyn, sse } from "robyn";

const app = new Robyn();
const interval_ms = Number(process.env.TICK_INTERVAL ?? 1_000);

app.get("/", () => Bun.file(`${import.meta.dir}/page.html`));

app.get("/ticks", () =>
  sse(async function* ({ lastEventId, signal }) {
    // What a client sends is its word, not ours: anything but a tick that we made begins anew.
    const seen = /^\d{1,9}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
    console.log(`a listener comes, after tick ${seen}`);
    try {
      for (let tick = seen + 1; ; tick++) {
        yield { event: "tick", id: String(tick), data: { tick, time: new Date().toISOString() } };
        await Bun.sleep(interval_ms);
        if (signal.aborted) return;
      }
    } finally {
      // Runs when the client leaves, and when the server drains.
      console.log("a listener leaves");
    }
  }),
);

export default app;
