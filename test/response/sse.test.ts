/** Event streams over sockets: heartbeats, clients that leave, sources that fail, servers that drain. */
import { describe, expect, test } from "bun:test";
import { sse, status } from "robyn";
import { OpenStreams } from "../../src/response/open-streams.ts";
import { recordingLogger } from "../support/log.ts";
import { EventSource } from "../support/event-source.ts";
import { RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { startVictim } from "../support/victim.ts";
import { until, within } from "../support/wait.ts";

let source: EventSource;
const victim = startVictim((app) => {
  app.get("/events", () => source.stream());
  app.get("/beating", () => source.stream(0.05));
  app.get("/finite", () =>
    sse(async function* () {
      yield "one";
      yield { event: "two", data: [2] };
    }),
  );
  app.get("/created", () =>
    status(
      201,
      sse(async function* () {}),
    ),
  );
  app.get("/fails", () =>
    sse(async function* () {
      yield "before";
      throw new Error("canary failed");
    }),
  );
  app.get("/injects", ({ query }) =>
    sse(async function* () {
      yield { data: "x", event: String(query.event) };
    }),
  );
  app.get("/plain-function", () =>
    sse(() => {
      throw new TypeError("canary before the head");
    }),
  );
});

async function open(path: string, headers: Record<string, string> = {}): Promise<RawClient> {
  source = new EventSource();
  const client = await RawClient.connect(victim.port);
  client.send(request("GET", path, headers));
  return client;
}

describe("an event stream", () => {
  test("has its headers, and sends them before there is an event", async () => {
    using client = await open("/events");
    await client.sees(/\r\n\r\n/);
    const head = client.received.toLowerCase();
    expect(head).toContain("\r\ncontent-type: text/event-stream\r\n");
    expect(head).toContain("\r\ncache-control: no-cache\r\n");
    expect(head).toContain("\r\nx-accel-buffering: no\r\n");
    expect(source.events).toEqual([]);
  });

  test("sends each event when it comes, and not with the next one", async () => {
    using client = await open("/events");
    for (const text of ["one", "two", "three"]) {
      source.push(text);
      await client.sees(new RegExp(`data: ${text}\n\n`));
    }
  });

  test("ends with its source", async () => {
    const { text } = await victim.get("/finite");
    expect(text).toBe(":\n\ndata: one\n\nevent: two\ndata: [2]\n\n");
  });

  test("takes a status, and answers HEAD without running its source", async () => {
    expect((await victim.get("/created")).status).toBe(201);
    source = new EventSource();
    const head = await victim.exchange(request("HEAD", "/events"), "HEAD");
    expect(head.headers["content-type"]).toBe("text/event-stream");
    expect(source.signal).toBeUndefined();
  });

  test("is told the Last-Event-ID, as UTF-8; undefined where there is none", async () => {
    for (const [sent, got] of [
      ["7", "7"],
      ["ä 你", "ä 你"],
      ["", undefined],
    ] as const) {
      using client = await open("/events", sent === "" ? {} : { "Last-Event-ID": sent });
      await within("the source to start", source.started.promise);
      expect(source.lastEventId).toBe(got);
      client.vanish();
      await until("the source to end", () => source.hasEnded);
    }
  });
});

describe("silence", () => {
  test("is broken by heartbeats, which are comments", async () => {
    using client = await open("/beating");
    await client.sees(/(?::\n\n\r\n.*?){4}/s);
    source.push("x");
    await client.sees(/data: x\n\n/);
    expect(client.received.replace(/^.*?\r\n\r\n/s, "")).toMatch(
      /^(?:3\r\n:\n\n\r\n)+9\r\ndata: x\n\n\r\n/,
    );
  });

  test("is not broken while events come anyway", async () => {
    using client = await open("/beating");
    await client.sees(/:\n\n/);
    const end = performance.now() + 500;
    while (performance.now() < end) {
      source.push("x");
      await Bun.sleep(5);
    }
    // The opening one, and at most a few where the machine was busy; ten intervals have passed.
    expect(client.received.match(/:\n\n\r\n/g)!.length).toBeLessThan(6);
  });
});

describe("a client that leaves", () => {
  test("ends a quiet source: the signal aborts, `finally` runs, no request is pending", async () => {
    using client = await open("/events");
    await within("the source to start", source.started.promise);
    client.vanish();
    await until("`finally` to run", () => source.hasEnded);
    expect(source.signal?.aborted).toBe(true);
    await until("no request to be pending", () => victim.pending === 0);
  });

  test("ends it in process, too", async () => {
    source = new EventSource();
    const response = await quietApp()
      .get("/", () => source.stream())
      .request("/");
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(":\n\n");
    void reader.read();
    await within("the source to start", source.started.promise);
    await reader.cancel();
    expect(source.hasEnded).toBe(true);
  });

  test("that never read it leaves nothing behind: the source has not begun", async () => {
    source = new EventSource();
    const app = quietApp().get("/", () => source.stream(0.01));
    app.afterRequest(() => "another answer");
    expect(await (await app.request("/")).text()).toBe("another answer");
    expect(source.signal).toBeUndefined();
  });
});

describe("a source that fails", () => {
  test("midway: the connection breaks off, the log has the error, the client does not", async () => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/fails?token=secret"));
    await client.closes();
    expect(client.received).not.toContain("canary");
    expect(client.received).not.toEndWith("0\r\n\r\n");
    expect(victim.log.errors()).toContain("canary failed");
    expect(victim.log.errors()).not.toContain("token=secret");
  });

  test("before it begins: a 500, as from any handler", async () => {
    expect((await victim.get("/plain-function")).status).toBe(500);
  });

  test("an event name with a line break breaks the stream off, and nothing of it is sent", async () => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/injects?event=x%0adata:%20evil"));
    await client.closes();
    expect(client.received).not.toContain("evil");
    expect(victim.log.errors()).toContain("without line breaks");
  });
});

describe("a server that drains", () => {
  test("ends open streams: the client sees the end, stop() need not wait for the deadline", async () => {
    source = new EventSource();
    const app = quietApp().get("/", () => source.stream());
    const { port, running } = await serveApp(app, { shutdownTimeout: 60 });
    using client = await RawClient.connect(port);
    client.send(request("GET", "/"));
    await within("the source to start", source.started.promise);
    await within("the server to stop", running.stop());
    expect((await client.next()).text).toBe(":\n\n");
    expect(source.hasEnded).toBe(true);
    expect(source.signal?.aborted).toBe(true);
  });

  test("gives a source the time for its `finally`", async () => {
    let finished = false;
    const app = quietApp().get("/", () =>
      sse(async function* () {
        try {
          yield "x";
          await Bun.sleep(100);
        } finally {
          await Bun.sleep(50);
          finished = true;
        }
      }),
    );
    const { port, running } = await serveApp(app, { shutdownTimeout: 60 });
    using client = await RawClient.connect(port);
    client.send(request("GET", "/"));
    await client.sees(/data: x/);
    await running.stop();
    expect(finished).toBe(true);
  });

  test("does not wait for a source that does not listen", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger }).get("/", () =>
      sse(async function* () {
        yield "x";
        await new Promise(() => {});
      }),
    );
    const { port, running } = await serveApp(app, { shutdownTimeout: 60 });
    using client = await RawClient.connect(port);
    client.send(request("GET", "/"));
    await client.sees(/data: x/);
    await within("the server to stop", running.stop());
    await client.closes();
    expect(client.received).toEndWith("0\r\n\r\n");
    expect(logger.errors()).toBe("");
  });

  test("lets no stream begin that would have to be cut", async () => {
    const streams = new OpenStreams();
    let ended = 0;
    const end = async () => void ended++;
    expect(streams.add(end)).toBe(true);
    await streams.drain();
    expect(ended).toBe(1);
    expect(streams.add(end)).toBe(false);
  });
});

test("a stream forgets itself when it is over", async () => {
  const before = victim.pending;
  for (let round = 0; round < 20; round++) {
    using client = await open("/beating");
    await client.sees(/:\n\n/);
  }
  await until("all requests to end", () => victim.pending === before);
});

test("a slow reader of a fast source: bounded memory", async () => {
  let made = 0;
  const app = quietApp().get("/", () =>
    sse(
      async function* () {
        for (;;) {
          made++;
          yield "x".repeat(65_536);
        }
      },
      { heartbeat: 0.01 },
    ),
  );
  await using server = await serveApp(app);
  using client = await RawClient.connect(server.port, { paused: true });
  client.send(request("GET", "/"));
  const steady = await until("the source to pause", async () => {
    const before = made;
    await Bun.sleep(200);
    return before > 0 && made === before ? made : undefined;
  });
  expect(steady * 65_536).toBeLessThan(32 * 1_024 * 1_024);
});

test("heartbeats do not pile up before a reader that has stopped", async () => {
  const app = quietApp().get("/", () => new EventSource().stream(0.005));
  const reader = (await app.request("/")).body!.getReader();
  await reader.read();
  // The source is asked for its first event now; from here on nobody reads for forty intervals.
  const first = reader.read();
  await Bun.sleep(200);
  await first;
  let waiting = 0;
  const next = () => Promise.race([reader.read(), new Promise((late) => setImmediate(late))]);
  while ((await next()) !== undefined) waiting++;
  expect(waiting).toBeLessThan(3);
});

test("a const route cannot be one: it would have to be waited for", async () => {
  const app = quietApp().get("/", { const: true }, () => sse(async function* () {}));
  expect(app.request("/")).rejects.toThrow(/ROBYN_CONST_FAILED.*|cannot be const/);
});
