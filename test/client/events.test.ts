/** Event streams of the client. */
import { describe, expect, spyOn, test } from "bun:test";
import { Robyn, sse } from "robyn";
import { type ClientEvent, createClient, StreamError } from "robyn/client";
import { Client } from "../../src/client/index.ts";
import { HandEnvironment } from "../support/hand-environment.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

const quick = { first: 0.001, most: 0.002 };

/** Numbers from where the client is, three per connection. */
function numbers(app: Robyn = quietApp()): { app: Robyn; asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  app.get("/numbers", ({ request }) => {
    asked.push(request.headers.get("last-event-id"));
    return sse(async function* ({ lastEventId }) {
      const first = Number(lastEventId ?? 0) + 1;
      for (let id = first; id < first + 3; id++) yield { id: String(id), data: { id } };
    });
  });
  return { app, asked };
}

async function take<Data>(
  stream: AsyncIterable<ClientEvent<Data>>,
  count: number,
): Promise<ClientEvent<Data>[]> {
  const events: ClientEvent<Data>[] = [];
  for await (const event of stream) if (events.push(event) === count) break;
  return events;
}

describe("a stream", () => {
  test("goes on after the last event, whenever it ends", async () => {
    const { app, asked } = numbers();
    await using served = await serveApp(app);
    const parse = (data: string): { id: number } => JSON.parse(data);
    const options = { parse, reconnect: quick };
    const stream = createClient(served.url()).events("/numbers", options);
    const events = await within("events", take(stream, 7));
    expect(events.map(({ data }) => data.id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(asked).toEqual([null, "3", "6"]);
    expect(stream.lastEventId).toBe("7");
    // Left, and taken up again.
    expect((await take(stream, 1)).map(({ id }) => id)).toEqual(["8"]);
    expect(asked).toEqual([null, "3", "6", "7"]);
  });

  test("begins where it is told, with headers, parameters and a query", async () => {
    const app = quietApp().get("/at/:place", ({ request, params, query }) => {
      const { headers } = request;
      const id = Buffer.from(headers.get("last-event-id") ?? "", "latin1").toString();
      const text = [params.place, query["since"], headers.get("authorization"), id].join(" ");
      return sse(async function* () {
        yield { event: "here", data: text };
      });
    });
    await using served = await serveApp(app);
    const stream = createClient(served.url()).events("/at/:place", {
      params: { place: "a b" },
      query: { since: 3 },
      headers: async () => ({ authorization: "Bearer x" }),
      lastEventId: "né-7",
    });
    const [event] = await take(stream, 1);
    expect(event).toEqual({ event: "here", data: "a b 3 Bearer x né-7", id: "né-7" });
  });

  test("waits as long as the server says, and longer each time while it fails", async () => {
    let answers = 0;
    const app = quietApp().get("/", ({ status }) => {
      answers++;
      if (answers === 1) return new Response("data: x\nretry: 3000\n\n", event);
      if (answers === 2)
        return new Response("busy", { status: 503, headers: { "retry-after": "7" } });
      return answers === 3 ? status(500, "broken") : new Response("data: y\n\n", event);
    });
    const event = { headers: { "content-type": "text/event-stream; charset=utf-8" } };
    await using served = await serveApp(app);
    const environment = new HandEnvironment();
    const stream = new Client(served.url(), environment).events("/");
    const waits: number[] = [];
    stream.on("reconnect", ({ seconds }) => waits.push(seconds));
    const events = take(stream, 2);
    await environment.pass(3_500);
    await environment.pass(8_000);
    await environment.pass(5_000);
    expect((await within("events", events)).map(({ data }) => data)).toEqual(["x", "y"]);
    expect(waits).toEqual([3.5, 8, 5]);
    expect(environment.timers).toEqual([]);
  });

  test("does not wait for longer than an hour, and never without a wait, whatever the server says", async () => {
    const event = { headers: { "content-type": "text/event-stream" } };
    const app = quietApp().get("/", () => new Response("data: x\nretry: 99999999999\n\n", event));
    await using served = await serveApp(app);
    const environment = new HandEnvironment();
    const stream = new Client(served.url(), environment).events("/");
    const events = take(stream, 2);
    await environment.pass(3_600_500);
    expect(await within("events", events)).toHaveLength(2);
  });

  test("leaves no listeners behind, however often it comes back", async () => {
    const { app } = numbers();
    await using served = await serveApp(app);
    using added = spyOn(AbortSignal.prototype, "addEventListener");
    using removed = spyOn(AbortSignal.prototype, "removeEventListener");
    const stream = createClient(served.url()).events("/numbers", { reconnect: quick });
    expect(await within("events", take(stream, 90))).toHaveLength(90);
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThan(10);
  });

  test("ends with 204, and fails where another attempt would not help", async () => {
    const app = quietApp()
      .get("/over", () => new Response(null, { status: 204 }))
      .get("/page", () => "text");
    await using served = await serveApp(app);
    const client = createClient(served.url());
    expect(await take(client.events("/over"), 1)).toEqual([]);
    const failure = async (path: string) => {
      const error: unknown = await take(client.events(path), 1).catch((it: unknown) => it);
      return error instanceof StreamError ? [error.status, error.message] : error;
    };
    expect(await failure("/nowhere")).toEqual([404, "the server answered 404"]);
    expect(await failure("/page")).toEqual([200, expect.stringContaining("is no event stream")]);
  });

  test("gives up after its attempts, with the last reason", async () => {
    const options = { reconnect: { ...quick, attempts: 3 } };
    const stream = createClient("http://127.0.0.1:1").events("/", options);
    let waits = 0;
    stream.on("reconnect", () => waits++);
    await expect(take(stream, 1)).rejects.toThrow(StreamError);
    expect(waits).toBe(3);
  });

  test("is left by close(), by its signal and by leaving the loop, and the server hears of it", async () => {
    let open = 0;
    const app = quietApp().get("/", () =>
      sse(async function* ({ signal }) {
        open++;
        try {
          yield "hello";
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        } finally {
          open--;
        }
      }),
    );
    await using served = await serveApp(app);
    const client = createClient(served.url());
    const abort = new AbortController();
    const closed = client.events("/");
    const aborted = client.events("/", { signal: abort.signal });
    const ends = [Array.fromAsync(closed), Array.fromAsync(aborted)];
    const left = client.events("/")[Symbol.asyncIterator]();
    await left.next();
    await until("three streams", () => open === 3);
    closed.close();
    abort.abort();
    await left.return();
    expect((await within("the ends", Promise.all(ends))).map((it) => it.length)).toEqual([1, 1]);
    await until("no stream", () => open === 0);
    expect(await Array.fromAsync(aborted)).toEqual([]);
  });

  test("that says nothing is left, and asked for again", async () => {
    let requests = 0;
    const app = quietApp().get("/", () => {
      requests++;
      return sse(
        async function* ({ signal }) {
          if (requests > 1) yield "here";
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
        { heartbeat: false },
      );
    });
    await using served = await serveApp(app);
    const environment = new HandEnvironment();
    const stream = new Client(served.url(), environment).events("/", { timeout: 20 });
    let opened = false;
    stream.on("open", () => (opened = true));
    const events = take(stream, 1);
    await until("an answer", () => opened);
    // The comment that opens a stream may have arrived, or may not yet.
    await until("that it is left", async () => {
      if (environment.timers.includes(20_000)) await environment.pass(20_000);
      return environment.timers.includes(500);
    });
    await environment.pass(500);
    expect((await within("an event", events))[0]?.data).toBe("here");
  });

  test("is read as fast as its reader is, and by one at a time", async () => {
    let made = 0;
    const app = quietApp().get("/", () =>
      sse(async function* () {
        for (; made < 4_000; made++) yield "x".repeat(16_384);
      }),
    );
    await using served = await serveApp(app);
    const stream = createClient(served.url()).events("/", { reconnect: false });
    const reader = stream[Symbol.asyncIterator]();
    await reader.next();
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow("being read already");
    let last = -1;
    await until("the server to wait", async () => {
      const before = last;
      last = made;
      await Bun.sleep(50);
      return before === last;
    });
    // 64 MiB in all; what buffers on the way hold is far less.
    expect(made).toBeLessThan(2_000);
    await reader.return();
  });

  test("hands on what its reader's parse throws, and goes on behind it", async () => {
    const { app } = numbers();
    await using served = await serveApp(app);
    const parse = (data: string) => {
      if (data.includes("2")) throw new SyntaxError("two");
      return data;
    };
    const stream = createClient(served.url()).events("/numbers", { parse, reconnect: quick });
    await expect(take(stream, 5)).rejects.toThrow("two");
    expect((await take(stream, 1)).map(({ id }) => id)).toEqual(["3"]);
  });
});
