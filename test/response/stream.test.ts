/** Streamed answers: back-pressure, clients that leave, streams that break. */
import { describe, expect, test } from "bun:test";
import { RawClient, request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";
import { until } from "../support/wait.ts";

let yielded = 0;
let finished = 0;
let cancelled = 0;

const victim = startVictim((app) => {
  app.get("/breaks/generator", async function* () {
    yield "before ";
    throw new Error("canary broke");
  });
  app.get("/breaks/value", async function* () {
    yield "before ";
    yield { not: "bytes" };
  });
  app.get("/breaks/first", async function* () {
    throw new Error("canary broke first");
    yield "";
  });
  app.get(
    "/breaks/stream",
    () =>
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new TextEncoder().encode("before "));
          controller.error(new Error("canary stream"));
        },
      }),
  );
  app.get("/large", async function* () {
    try {
      for (;;) {
        yielded++;
        yield new Uint8Array(65_536);
      }
    } finally {
      finished++;
    }
  });
  app.get("/generator", async function* () {
    try {
      for (;;) {
        yield "tick ";
        await Bun.sleep(1);
      }
    } finally {
      finished++;
    }
  });
  app.get(
    "/stream",
    () =>
      new ReadableStream({
        async pull(controller) {
          await Bun.sleep(1);
          controller.enqueue(new TextEncoder().encode("tick "));
        },
        cancel() {
          cancelled++;
        },
      }),
  );
});

describe("a stream that fails midway", () => {
  test.each(["generator", "value", "first", "stream"])("%s: the server lives on", async (kind) => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", `/breaks/${kind}`, { Connection: "close" }));
    await client.closes();
    // The headers may be out already, so there is no status to change; what counts is that the client can tell
    // (the last chunk is missing) and that nothing of the error is in the body.
    expect(client.received).not.toContain("canary");
    expect(client.received).not.toEndWith("0\r\n\r\n");
  });
});

describe("a client that leaves", () => {
  test("runs the `finally` of a generator", async () => {
    finished = 0;
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/generator"));
    await client.sees(/tick/);
    client.vanish();
    await until("`finally` to run", () => finished === 1);
  });

  test("cancels a ReadableStream", async () => {
    cancelled = 0;
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", "/stream"));
    await client.sees(/tick/);
    client.vanish();
    await until("cancel() to run", () => cancelled === 1);
  });
});

test("a generator is not run further than the client reads", async () => {
  yielded = 0;
  finished = 0;
  using client = await RawClient.connect(victim.port, { paused: true });
  client.send(request("GET", "/large"));
  await until("the stream to begin", () => yielded > 0);
  // What lies in the buffers of both sockets is a few megabytes; without back-pressure it would be all that a
  // second of a busy loop can make.
  const count = await steady(() => yielded);
  expect(count * 65_536).toBeLessThan(64 * 1_024 * 1_024);
  client.vanish();
  await until("`finally` to run", () => finished === 1);
});

/** Waits until a value has stopped growing. */
async function steady(read: () => number): Promise<number> {
  let last = -1;
  return await until("the value to be steady", async () => {
    const before = read();
    await Bun.sleep(50);
    const isSteady = before === read() && before === last;
    last = before;
    return isSteady ? before : undefined;
  });
}
