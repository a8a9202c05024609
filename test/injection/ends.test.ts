/** When what was made for a request is let go of: whatever becomes of the request, once, in order, behind its answer. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HttpError, perRequest, type RunningServer, serveFile } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { quietApp, serveApp, type Served } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

let events: string[] = [];
const logger = recordingLogger();
const gate = Promise.withResolvers<void>();

function made(name: string) {
  events.push(`make ${name}`);
  return { name, [Symbol.dispose]: () => void events.push(`end ${name}`) };
}

const encoder = new TextEncoder();

const app = quietApp({ logger, timeout: 0.2 })
  .inject({
    sync: perRequest(() => made("sync")),
    later: perRequest(async () => {
      await Bun.sleep(1);
      const { name } = made("later");
      return { name, [Symbol.asyncDispose]: async () => void events.push("end later") };
    }),
    option: perRequest(() => made("option"), { dispose: () => void events.push("end by option") }),
    fails: perRequest(() => 1, {
      dispose() {
        throw new Error("cannot let go");
      },
    }),
    rejects: perRequest(async (): Promise<number> => {
      throw new HttpError(409);
    }),
  })
  .get("/value", ({ sync }) => sync.name)
  .get("/none", () => "none")
  .get("/later", async ({ later }) => (await later).name)
  .get("/unawaited", ({ later, sync }) => void [later, sync])
  .get("/option", ({ option }) => option.name)
  .get("/both", ({ fails, sync }) => `${fails} ${sync.name}`)
  .get("/reversed", ({ sync, fails }) => `${fails} ${sync.name}`)
  .get("/throws", ({ sync }) => {
    throw new Error(sync.name);
  })
  .get("/rejects", async ({ sync, rejects }) => `${sync.name} ${await rejects}`)
  .get("/never", async ({ sync }) => {
    await new Promise(() => {});
    return sync.name;
  })
  .get("/response", ({ sync }) => Response.json(sync.name))
  .get("/file", ({ sync }) => sync && new Response(Bun.file(import.meta.path)))
  .get("/served", ({ sync }) => sync && serveFile(import.meta.path))
  .get("/stream", ({ sync }) => streamOf(() => sync.name))
  .get("/lazy", (context) => streamOf(() => context.sync.name))
  .get("/own", ({ sync }) => ownStream(sync.name))
  .get("/status", ({ sync, status }) => status(201, ownStream(sync.name)))
  .get("/read-already", ({ sync }) => {
    const response = ownStream(sync.name);
    response.body!.getReader();
    return response;
  })
  .get("/breaks", async function* ({ sync }) {
    yield sync.name;
    throw new Error("it broke");
  })
  .get("/endless", ({ sync }) => endless(sync.name))
  .get("/own-endless", ({ sync }) => new Response(readable(endless(sync.name))));

app.beforeRequest("/refused", ({ sync, status }) => status(403, sync.name));
app.get("/refused", () => "not reached");
app.beforeRequest("/missing", ({ sync }) => void sync);
app.afterRequest("/after", (_, { sync }) => ownStream(sync.name));
app.get("/after", () => "replaced");

async function* streamOf(name: () => string): AsyncGenerator<string> {
  yield `${name()} `;
  await Bun.sleep(2);
  events.push("streamed");
  yield "end";
}

async function* endless(name: string): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      yield encoder.encode(`${name} `);
      await Bun.sleep(1);
    }
  } finally {
    events.push("source ended");
  }
}

function ownStream(name: string): Response {
  return new Response(readable(streamOf(() => name)));
}

function readable(source: AsyncGenerator<string | Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done === true) return controller.close();
      controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}

let server: Served;
beforeAll(async () => {
  server = await serveApp(app);
});
afterAll(async () => {
  gate.resolve();
  await server[Symbol.asyncDispose]();
});

async function ask(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string }> {
  events = [];
  try {
    // A connection of its own: a request that breaks off on one that was used before is sent again.
    const response = await fetch(server.url(path), { ...init, keepalive: false });
    return { status: response.status, text: await response.text() };
  } catch {
    return { status: 0, text: "broken" };
  }
}

const settled = (count: number) =>
  until(
    () => events.join(),
    () => events.length >= count,
  );

describe.each([
  ["/value", 200, "sync", ["make sync", "end sync"]],
  ["/later", 200, "later", ["make later", "end later"]],
  ["/unawaited", 204, "", ["make sync", "make later", "end later", "end sync"]],
  ["/option", 200, "option", ["make option", "end by option"]],
  ["/both", 200, "1 sync", ["make sync", "end sync"]],
  ["/reversed", 200, "1 sync", ["make sync", "end sync"]],
  ["/throws", 500, undefined, ["make sync", "end sync"]],
  ["/rejects", 409, undefined, ["make sync", "end sync"]],
  ["/never", 503, undefined, ["make sync", "end sync"]],
  ["/refused", 403, "sync", ["make sync", "end sync"]],
  ["/missing", 404, undefined, ["make sync", "end sync"]],
  ["/response", 200, '"sync"', ["make sync", "end sync"]],
  ["/stream", 200, "sync end", ["make sync", "streamed", "end sync"]],
  ["/lazy", 200, "sync end", ["make sync", "streamed", "end sync"]],
  ["/own", 200, "sync end", ["make sync", "streamed", "end sync"]],
  ["/status", 201, "sync end", ["make sync", "streamed", "end sync"]],
  ["/after", 200, "sync end", ["make sync", "streamed", "end sync"]],
  ["/read-already", undefined, undefined, ["make sync", "end sync"]],
  ["/breaks", 0, "broken", ["make sync", "end sync"]],
] as const)("%s", (path, status, text, expected) => {
  test("is let go of behind the answer", async () => {
    const answer = await ask(path);
    if (status !== undefined) expect(answer.status).toBe(status);
    if (text !== undefined) expect(answer.text).toBe(text);
    await settled(expected.length);
    expect(events).toEqual([...expected]);
  });
});

test("what nobody asked for is not made", async () => {
  expect((await ask("/none")).text).toBe("none");
  expect(events).toEqual([]);
});

test("requests at the same time have values of their own", async () => {
  const order: string[] = [];
  const own = quietApp().inject({
    asked: perRequest(({ params }) => params.id ?? "none", {
      dispose: (asked) => void order.push(`end ${asked}`),
    }),
  });
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  own.get("/:id", async (context) => {
    const first = context.asked;
    await gates[Number(context.params.id)]!.promise;
    return `${first} ${context.asked}`;
  });
  const answers = ["/0", "/1"].map(async (path) => await (await own.request(path)).text());
  gates[1]!.resolve();
  expect(await answers[1]).toBe("1 1");
  await until("the end of one", () => order.length === 1);
  gates[0]!.resolve();
  expect(await answers[0]).toBe("0 0");
  await until("the end of both", () => order.length === 2);
  expect(order).toEqual(["end 1", "end 0"]);
});

test("a HEAD ends at once, whatever the answer would have streamed", async () => {
  expect((await ask("/stream", { method: "HEAD" })).status).toBe(200);
  await settled(2);
  expect(events).toEqual(["make sync", "end sync"]);
  events = [];
  expect((await app.request("/stream", { method: "HEAD" })).status).toBe(200);
  await settled(2);
  expect(events).toEqual(["make sync", "end sync"]);
});

test.each(["/file", "/served"])("%s is sent as it is, with its length", async (path) => {
  events = [];
  const response = await fetch(server.url(path));
  const text = await response.text();
  expect(Number(response.headers.get("content-length"))).toBe(Buffer.byteLength(text));
  await settled(2);
  expect(events).toEqual(["make sync", "end sync"]);
});

test.each(["/endless", "/own-endless"])(
  "%s: a client that leaves ends the source first, then what it was made with",
  async (path) => {
    events = [];
    const leaving = new AbortController();
    const response = await fetch(server.url(path), { signal: leaving.signal });
    const reader = response.body!.getReader();
    await reader.read();
    expect(events).toEqual(["make sync"]);
    leaving.abort();
    await reader.read().catch(() => {});
    await settled(3);
    expect(events).toEqual(["make sync", "source ended", "end sync"]);
  },
);

test("a client that leaves takes nothing away from a handler that is at work", async () => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const order: string[] = [];
  const own = quietApp().inject({
    held: perRequest(() => "held", { dispose: () => void order.push("end") }),
  });
  own.get("/", async ({ held, signal }) => {
    entered.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    order.push("left");
    await leave.promise;
    order.push(held);
    return "";
  });
  await using listening = await serveApp(own);
  const leaving = new AbortController();
  const asked = fetch(listening.url(), { signal: leaving.signal }).catch(() => "gone");
  await entered.promise;
  leaving.abort();
  expect(await asked).toBe("gone");
  await until("the handler to be told", () => order.length === 1);
  expect(order).toEqual(["left"]);
  leave.resolve();
  await until("the end", () => order.length === 3);
  expect(order).toEqual(["left", "held", "end"]);
});

test("what cannot be let go of is told to the log, and the rest goes all the same", async () => {
  logger.records.length = 0;
  await ask("/both");
  await until("the log", () => logger.errors().includes("cannot let go"));
  expect(logger.errors()).toContain('"fails" could not be disposed of');
  expect(events).toEqual(["make sync", "end sync"]);
});

test("values that need others go first, however they are made: any order, any depth", async () => {
  const seed = seedOfRun();
  const random = createRandom(seed);
  for (let round = 0; round < 40; round++) {
    const order: string[] = [];
    const size = 1 + random.below(6);
    const needs = Array.from({ length: size }, (_, index) =>
      Array.from({ length: index }, (_, other) => other).filter(() => random.chance(50)),
    );
    const isAsync = needs.map(() => random.chance(50));
    const given = Object.fromEntries(
      needs.map((others, index) => {
        const value = { [Symbol.dispose]: () => void order.push(`v${index}`) };
        const waits = isAsync[index]! || others.some((other) => isAsync[other]);
        if (waits) isAsync[index] = true;
        const factory = waits
          ? async (context: object) => {
              for (const other of others) {
                if (random.chance(30)) await null;
                await Reflect.get(context, `v${other}`);
              }
              return value;
            }
          : (context: object) => {
              for (const other of others) Reflect.get(context, `v${other}`);
              return value;
            };
        return [`v${index}`, perRequest<object>(factory)];
      }),
    );
    const asked = needs.map((_, index) => index).filter(() => random.chance(70));
    const own = quietApp().inject(given);
    own.get("/", async (context) => {
      for (const index of asked) {
        const value: unknown = Reflect.get(context, `v${index}`);
        if (random.chance(50)) await value;
      }
      return "";
    });
    await own.request("/");
    const expected = new Set<number>();
    const reach = (index: number) => {
      expected.add(index);
      for (const other of needs[index]!) reach(other);
    };
    asked.forEach(reach);
    await within(
      "all to go",
      until(
        () => order.join(),
        () => order.length >= expected.size,
      ),
    );
    const where = `seed ${seed} round ${round}: ${order.join()} of ${JSON.stringify(needs)}`;
    expect(new Set(order).size, where).toBe(order.length);
    expect(order.length, where).toBe(expected.size);
    for (const index of expected)
      for (const other of needs[index]!)
        expect(order.indexOf(`v${index}`), where).toBeLessThan(order.indexOf(`v${other}`));
  }
});

test("an answer that is renewed behind the back of its request has values of its own, which go, too", async () => {
  let made = 0;
  let ended = 0;
  const own = quietApp().inject({
    number: perRequest(() => ++made, { dispose: () => void ended++ }),
  });
  own.get("/", { cache: { ttl: 0.02, staleWhileRevalidate: 60 } }, ({ number }) => number);
  const ask = async () => await (await own.request("/")).json();
  expect(await ask()).toBe(1);
  await until("an answer that was made behind", async () => Number(await ask()) > 1);
  await until("all to go", () => ended === made);
});

describe("a server that stops", () => {
  test("waits until requests have let go", async () => {
    const order: string[] = [];
    const own = quietApp().inject({
      slow: perRequest(() => "slow", {
        async dispose() {
          await Bun.sleep(20);
          order.push("gone");
        },
      }),
    });
    own.get("/", ({ slow }) => slow);
    const running: RunningServer = (await serveApp(own)).running;
    await (await fetch(running.url)).text();
    await running.stop();
    order.push("stopped");
    expect(order).toEqual(["gone", "stopped"]);
  });

  test("lets go for requests that were cut", async () => {
    const order: string[] = [];
    const own = quietApp().inject({
      held: perRequest(() => "held", { dispose: () => void order.push("gone") }),
    });
    own.get("/", { timeout: 0 }, async ({ held }) => {
      order.push(held);
      await gate.promise;
      return held;
    });
    const { running } = await serveApp(own, { shutdownTimeout: 0 });
    const cut = fetch(running.url).catch(() => "cut");
    await until("the handler", () => order.length === 1);
    await running.stop();
    expect(order).toEqual(["held", "gone"]);
    expect(await cut).toBe("cut");
  });
});
