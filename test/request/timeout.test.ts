/** Handlers that take too long, clients that are slow, and answers that have begun. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Context } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { multipart, multipartType, part } from "../support/multipart.ts";
import { exchange, RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp, type Served } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const { promise: never } = Promise.withResolvers<string>();
const log = recordingLogger();
let server: Served;
let afterHooks: string[] = [];
let lateCancelled = false;
const signals: Record<string, unknown>[] = [];

/** What a handler can see of its end, by every signal that it may have taken hold of before. */
async function watch({ signal, request: { signal: raw } }: Context): Promise<string> {
  const seen: Record<string, unknown> = { events: [] };
  signals.push(seen);
  const combined = AbortSignal.any([signal]);
  for (const [name, it] of Object.entries({ signal, raw, combined }))
    it.addEventListener("abort", () => (seen.events as string[]).push(name));
  await until("the signal", () => signal.aborted && raw.aborted, 60_000);
  seen.reasons = [signal.reason.name, raw.reason.name, combined.reason.name];
  seen.thrown = [signal, raw].map((it) => {
    try {
      it.throwIfAborted();
      return "nothing";
    } catch (error) {
      return (error as Error).name;
    }
  });
  return await never;
}

beforeAll(async () => {
  const app = quietApp({ logger: log, timeout: 0.25 });
  app.afterRequest("/hooked/*", (response, { path }) => {
    afterHooks.push(`${path} ${response.status}`);
    response.headers.set("x-after", "yes");
  });
  app.exception((_, { path, status }) =>
    path === "/excused" ? status(504, "excused") : undefined,
  );
  app.get("/stuck", () => never).post("/stuck", () => never);
  app.post("/stuck/read", async ({ text }) => (await text()) + (await never));
  app.get("/excused", () => never);
  app.get("/in-time", async () => (await Bun.sleep(5), "in time"));
  app.get("/own", { timeout: 10 }, async () => (await Bun.sleep(350), "own"));
  app.get("/never", { timeout: 0 }, async () => (await Bun.sleep(350), "at last"));
  app.get("/watch", watch);
  app.get("/read-later", async (context) => {
    await until("the end", () => context.signal.aborted);
    return await never;
  });
  app.get("/hooked/late", async () => (await Bun.sleep(350), "late"));
  app.get("/hooked/before", { beforeRequest: () => never }, () => "");
  app.get("/hooked/rejects", async () => {
    await Bun.sleep(350);
    throw new Error("too late to matter");
  });
  app.get("/late-stream", async () => {
    await Bun.sleep(350);
    return new Response(new ReadableStream({ cancel: () => void (lateCancelled = true) }));
  });
  app.get("/stream", async function* () {
    for (let count = 0; count < 4; count++) {
      yield `${count} `;
      await Bun.sleep(100);
    }
  });
  app.post("/upload", { uploadTimeout: 30, stream: true }, async ({ form }) =>
    Object.keys((await form()).fields),
  );
  app.post("/upload-unasked", { timeout: 60, stream: true }, async ({ form }) =>
    Object.keys((await form()).fields),
  );
  app.post("/text", async ({ text }) => await text());
  app.post("/small-time", { uploadTimeout: 10 }, async ({ text }) => (await text()).length);
  server = await serveApp(app, { keepAliveTimeout: 2 });
});
afterAll(() => server[Symbol.asyncDispose]());

const get = (path: string) => exchange(server.port, request("GET", path));

describe("a handler that never answers", () => {
  test.each([
    ["GET", request("GET", "/stuck")],
    ["POST whose body is complete", request("POST", "/stuck", {}, "hello")],
    ["POST whose body was read", request("POST", "/stuck/read", {}, "hello")],
    [
      "POST in chunks",
      `${request("POST", "/stuck", { "Transfer-Encoding": "chunked" })}1\r\nx\r\n0\r\n\r\n`,
    ],
  ])("%s is answered 503", async (_, bytes) => {
    const { status, headers, text } = await exchange(server.port, bytes, "POST");
    expect(status).toBe(503);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text)).toMatchObject({ detail: "there was no answer within 0.25 seconds" });
  });

  test("leaves the connection usable, and nothing pending", async () => {
    using client = await RawClient.connect(server.port);
    for (let round = 0; round < 3; round++) {
      client.send(request("POST", "/stuck", {}, "hello"));
      expect((await client.next("POST")).status).toBe(503);
      client.send(request("GET", "/in-time"));
      expect((await client.next()).text).toBe("in time");
    }
    expect(server.running.pending).toBe(0);
  });

  test("a thousand times at once: each is answered", async () => {
    const stuck = Array.from({ length: 1_000 }, () =>
      fetch(server.url("/stuck"), { method: "POST", body: "x" }),
    );
    const statuses = await Promise.all(stuck.map(async (response) => (await response).status));
    expect(statuses.every((status) => status === 503)).toBeTrue();
  });

  test("aborts its signal and that of the request, whoever listens", async () => {
    signals.length = 0;
    expect((await get("/watch")).status).toBe(503);
    await until("the handler to see it", () => signals[0]?.thrown);
    expect(signals[0]!.events).toContainAllValues(["signal", "raw", "combined"]);
    expect(signals[0]).toMatchObject({
      reasons: ["TimeoutError", "TimeoutError", "TimeoutError"],
      thrown: ["TimeoutError", "TimeoutError"],
    });
  });

  test("finds its signal aborted, too, if it asks only then", async () => {
    expect((await get("/read-later")).status).toBe(503);
  });

  test("may be excused by an exception handler", async () => {
    expect(await get("/excused")).toMatchObject({ status: 504, text: "excused" });
  });

  test("also in a before hook", async () => {
    expect((await get("/hooked/before")).status).toBe(503);
  });
});

test("after hooks see the 503, once: what comes later is dropped", async () => {
  afterHooks = [];
  const { status, headers } = await get("/hooked/late");
  expect([status, headers["x-after"]]).toEqual([503, "yes"]);
  expect((await get("/hooked/rejects")).status).toBe(503);
  await Bun.sleep(200); // longer than both handlers take: a second round of hooks would have run by now
  expect(afterHooks).toEqual(["/hooked/late 503", "/hooked/rejects 503"]);
  expect(log.errors()).not.toContain("too late to matter");
});

test("a stream that comes too late is cancelled", async () => {
  expect((await get("/late-stream")).status).toBe(503);
  await until("the stream to be cancelled", () => lateCancelled);
});

test.each([
  ["/in-time", "in time"],
  ["/own", "own"],
  ["/never", "at last"],
])("%s has the time that it needs", async (path, expected) => {
  expect((await get(path)).text).toBe(expected);
});

test("a stream that has begun is not cut", async () => {
  expect((await get("/stream")).text).toBe("0 1 2 3 ");
});

test.concurrent(
  "Bun's idle timeout does not end what still has time",
  async () => {
    const app = quietApp({ timeout: 9.5 });
    const answer = async () => (await Bun.sleep(9_000), "at last");
    app
      .get("/", answer)
      .post("/", answer)
      .get("/stuck", () => never);
    app.get("/any", { timeout: 0 }, answer);
    // Bun counts in steps of 4 s: this is 4 to 8.
    await using own = await serveApp(app, { keepAliveTimeout: 5 });
    const ask = (method: string, path: string, body = "") =>
      exchangeSlowly(own.port, request(method, path, {}, body), method);
    const answers = await Promise.all([
      ask("GET", "/"),
      ask("POST", "/"),
      ask("POST", "/", "x"),
      ask("GET", "/any"),
      ask("GET", "/stuck"),
    ]);
    expect(answers).toEqual([200, 200, 200, 200, 503]);
  },
  20_000,
);

/** The status of an answer that may take longer than other tests wait, 0 if there is none. */
async function exchangeSlowly(port: number, bytes: string, method: string): Promise<number> {
  using client = await RawClient.connect(port);
  client.send(bytes);
  await until("an answer", () => client.isClosed || client.received.includes("\r\n\r\n"), 15_000);
  return await client.next(method).then(
    ({ status }) => status,
    () => 0,
  );
}

describe("slow clients", () => {
  /** Sends `body` at `bytesPerSecond`, in ten pieces a second. */
  async function drip(client: RawClient, body: string, bytesPerSecond: number): Promise<void> {
    const size = Math.ceil(bytesPerSecond / 10);
    for (let at = 0; at < body.length && !client.isClosed; at += size) {
      client.send(body.slice(at, at + size));
      await Bun.sleep(100);
    }
  }

  test.concurrent(
    "an honest upload at 10 KB/s survives where the route asks for it, and only there",
    async () => {
      const body = multipart(part("; name=a", "x".repeat(80_000)));
      const upload = async (path: string) => {
        using client = await RawClient.connect(server.port);
        const headers = { ...multipartType, "Content-Length": String(body.length) };
        client.send(request("POST", path, headers));
        await drip(client, body, 10_000);
        return await client.next("POST").then(
          ({ status, text }) => [status, text],
          () => "cut",
        );
      };
      expect(await Promise.all([upload("/upload"), upload("/upload-unasked")])).toEqual([
        [200, '["a"]'],
        "cut",
      ]);
    },
    20_000,
  );

  test("elsewhere its body is late after the timeout of the route: 408, and the connection closes", async () => {
    using client = await RawClient.connect(server.port);
    client.send(`${request("POST", "/text", { "Content-Length": "1000" })}hello`);
    const { status, text } = await client.next("POST");
    expect([status, (JSON.parse(text) as { detail: string }).detail]).toEqual([
      408,
      "the body did not arrive within 0.25 seconds",
    ]);
    await client.closes();
  });

  test("the time for an upload comes on top of the time for the handler", async () => {
    using client = await RawClient.connect(server.port);
    client.send(`${request("POST", "/small-time", { "Content-Length": "10" })}hello`);
    await Bun.sleep(350);
    client.send("world");
    expect((await client.next("POST")).text).toBe("10");
  });
});

test("in process, too", async () => {
  const app = quietApp({ timeout: 0.05 }).get("/", () => never);
  expect((await app.request("/")).status).toBe(503);
});

test("what is timed costs nothing that lasts", async () => {
  const app = quietApp().get("/", async () => (await Bun.sleep(0), "x"));
  const measure = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) await app.request("/");
    Bun.gc(true);
    return process.memoryUsage().heapUsed;
  };
  await measure(2_000);
  const before = await measure(1_000);
  const growth = (await measure(4_000)) - before;
  expect(growth).toBeLessThan(1_000_000);
});

test("an after hook that never ends is given up like a handler, and the outer hooks still run", async () => {
  const app = quietApp({ timeout: 0.05 })
    .afterRequest((response) => response.headers.set("x-outer", "ran"))
    .get("/", { afterRequest: () => never }, () => "answer");
  const response = await app.request("/");
  expect(response.status).toBe(503);
  expect(response.headers.get("x-outer")).toBe("ran");
});
