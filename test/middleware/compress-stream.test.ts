/** Compressed streams: they stay streams, arrive when they are made, and do not run ahead of the client. */
import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import { compress, jsonLines } from "robyn";
import { EventSource } from "../support/event-source.ts";
import { RawClient, request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";
import { until } from "../support/wait.ts";

let made = 0;
let finished = 0;
let go = Promise.withResolvers<void>();
let source: EventSource;

const victim = startVictim((app) => {
  app.afterRequest("/plain/*", compress());
  app.afterRequest("/asked/*", compress({ eventStreams: true }));
  app.get("/plain/events", () => source.stream());
  app.get("/asked/events", () => source.stream());
  app.get("/plain/lines", () =>
    jsonLines(async function* () {
      yield { line: 1 };
      await go.promise;
      yield { line: 2 };
    }),
  );
  app.get("/plain/endless", async function* () {
    try {
      for (;;) {
        made++;
        // Noise, so that what is sent is as long as what is made.
        yield Buffer.from(crypto.getRandomValues(new Uint8Array(49_152))).toString("base64");
      }
    } finally {
      finished++;
    }
  });
  app.get("/plain/fails", async function* () {
    yield "before ";
    await Bun.sleep(20);
    throw new Error("canary compressed");
  });
  app.get("/plain/own", () => {
    const chunks = Array.from({ length: 200 }, (_, index) => `${index} `.repeat(1_000));
    const body = new ReadableStream({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
    });
    return new Response(body, { headers: { "content-type": "text/plain" } });
  });
  app.get(
    "/plain/untyped",
    () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await Bun.sleep(1);
            controller.enqueue(new Uint8Array(2_000));
            controller.close();
          },
        }),
      ),
  );
});

const decoders = {
  gzip: () => zlib.createGunzip(),
  br: () => zlib.createBrotliDecompress(),
  zstd: () => zlib.createZstdDecompress(),
};

/** Reads a compressed answer as it comes. */
async function readDecoded(path: string, coding: keyof typeof decoders) {
  const response = await fetch(`http://127.0.0.1:${victim.port}${path}`, {
    headers: { "accept-encoding": coding },
    decompress: false,
  });
  const decoder = decoders[coding]();
  const state = { text: "", response, leave: () => response.body!.cancel() };
  decoder.on("data", (chunk: Buffer) => (state.text += chunk.toString()));
  decoder.on("error", () => {});
  const pump = async () => {
    const reader = response.body!.getReader();
    state.leave = () => reader.cancel();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      decoder.write(value);
    }
    decoder.end();
  };
  void pump().catch(() => {});
  return state;
}

describe.each(["gzip", "br", "zstd"] as const)("with %s", (coding) => {
  test("an event arrives when it is made, where compression of events was asked for", async () => {
    source = new EventSource();
    const state = await readDecoded("/asked/events", coding);
    expect(state.response.headers.get("content-encoding")).toBe(coding);
    for (const text of ["one", "two", "three"]) {
      source.push(text);
      await until(`event ${text}`, () => state.text.endsWith(`data: ${text}\n\n`));
    }
    await state.leave();
    await until("the source to end", () => source.hasEnded);
  });

  test("a line arrives before the next one is made", async () => {
    go = Promise.withResolvers<void>();
    const state = await readDecoded("/plain/lines", coding);
    expect(state.response.headers.get("content-encoding")).toBe(coding);
    await until("the first line", () => state.text === '{"line":1}\n');
    go.resolve();
    await until("the second line", () => state.text === '{"line":1}\n{"line":2}\n');
  });

  test("a stream in a Response of its own comes through whole", async () => {
    const expected = Array.from({ length: 200 }, (_, index) => `${index} `.repeat(1_000)).join("");
    const state = await readDecoded("/plain/own", coding);
    expect(state.response.headers.get("content-encoding")).toBe(coding);
    await until("the end", () => state.text.length === expected.length);
    expect(state.text).toBe(expected);
  });

  test("a reader that has stopped stops the source, and one that leaves ends it", async () => {
    made = 0;
    finished = 0;
    using client = await RawClient.connect(victim.port, { paused: true });
    client.send(request("GET", "/plain/endless", { "Accept-Encoding": coding }));
    const count = await until("the source to pause", async () => {
      const before = made;
      await Bun.sleep(300);
      return before > 0 && made === before ? made : undefined;
    });
    expect(count * 49_152).toBeLessThan(32 * 1_024 * 1_024);
    client.vanish();
    await until("`finally` to run", () => finished === 1);
  });

  test("a source that fails breaks the connection off", async () => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/plain/fails", { "Accept-Encoding": coding }));
    await client.closes();
    expect(client.received).not.toEndWith("0\r\n\r\n");
    expect(victim.log.errors()).toContain("canary compressed");
  });
});

test("event streams are left alone unless asked for", async () => {
  source = new EventSource();
  using client = await RawClient.connect(victim.port);
  client.send(request("GET", "/plain/events", { "Accept-Encoding": "gzip" }));
  source.push("tick");
  await client.sees(/data: tick\n\n/);
  expect(client.received.toLowerCase()).not.toContain("content-encoding");
  client.vanish();
  await until("the source to end", () => source.hasEnded);
});

test("a stream without type is left alone: nobody knows whether it is text", async () => {
  const { headers, body } = await victim.get("/plain/untyped", { "Accept-Encoding": "gzip" });
  expect(headers["content-encoding"]).toBeUndefined();
  expect(body).toHaveLength(2_000);
});
