/**
 * Silence: what cuts a connection, and what does not. Bun counts in steps of four seconds, so each case takes two or three
 * of them; they run side by side.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { sse } from "robyn";
import { EventSource } from "../support/event-source.ts";
import { RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(30_000);

/** Far above the two steps that Bun takes for a timeout of 5, and the three for one of 10. */
const patience_ms = 20_000;

describe.concurrent("silence", () => {
  test("longer than the idle timeout does not cut an event stream; it cuts an idle connection", async () => {
    const source = new EventSource();
    const app = quietApp()
      .get("/", () => source.stream())
      .get("/alive", () => "alive");
    await using server = await serveApp(app, { keepAliveTimeout: 1 });
    using stream = await RawClient.connect(server.port);
    stream.send(request("GET", "/"));
    await stream.sees(/:\n\n/);
    using idle = await RawClient.connect(server.port);
    await idle.send(request("GET", "/alive")).next();
    await until("the idle connection to be cut", () => idle.isClosed, patience_ms);
    expect(stream.isClosed).toBe(false);
    source.push("still there");
    await stream.sees(/still there/);
  });

  test("cuts no stream with heartbeats, also where the app is mounted without a server to ask", async () => {
    const make = (heartbeat: number | false) => {
      const app = quietApp().get("/", () => new EventSource().stream(heartbeat));
      return Bun.serve({
        port: 0,
        // Below 5 there is one step, and Bun cuts at its end whatever was sent.
        idleTimeout: 5,
        development: false,
        fetch: (it) => app.fetch(it),
      });
    };
    await using beating = make(0.5);
    await using quiet = make(false);
    using kept = await RawClient.connect(beating.port!);
    using cut = await RawClient.connect(quiet.port!);
    kept.send(request("GET", "/"));
    cut.send(request("GET", "/"));
    await until("the quiet stream to be cut", () => cut.isClosed, patience_ms);
    const before = kept.received.length;
    await until("another heartbeat", () => kept.received.length > before);
    expect(kept.isClosed).toBe(false);
  });

  test("after a stream is that of any idle connection, and cuts it", async () => {
    const app = quietApp().get("/", () =>
      sse(async function* () {
        yield "x";
      }),
    );
    await using server = await serveApp(app);
    using client = await RawClient.connect(server.port);
    client.send(request("GET", "/"));
    expect((await client.next()).text).toBe(":\n\ndata: x\n\n");
    await until("the idle connection to be cut", () => client.isClosed, patience_ms);
  });
});
