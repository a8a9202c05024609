/** Handlers that read their messages themselves. */
import { describe, expect, test } from "bun:test";
import { t } from "robyn";
import { ClientSocket } from "../support/client-socket.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";
import { frame, opcode, RawWebSocket } from "../support/web-socket.ts";

describe("a handler", () => {
  test("reads messages in order, one at a time, and its end closes with 1000", async () => {
    const app = quietApp().websocket("/", {}, async (socket) => {
      let busy = 0;
      for await (const message of socket) {
        expect(++busy).toBe(1);
        await Bun.sleep(0);
        if (message === "end") return;
        socket.send(message);
        busy--;
      }
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    const sent = Array.from({ length: 500 }, (_, index) => String(index));
    for (const message of [...sent, "end", "ignored"]) client.send(message);
    expect(await within("a close", client.closed)).toMatchObject({ code: 1000 });
    expect(client.messages).toEqual(sent);
  });

  test("that is a generator sends what it yields, checked messages in and out", async () => {
    const app = quietApp().websocket(
      "/sum/:start",
      {
        params: t.Object({ start: t.Integer() }),
        schema: t.Object({ add: t.Integer() }),
        response: t.Object({ sum: t.Integer() }),
      },
      async function* (socket) {
        let sum = socket.params.start;
        yield { sum };
        for await (const { add } of socket) yield { sum: (sum += add) };
      },
    );
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/sum/10");
    client.send('{"add":1}').send('{"add":"x"}').send('{"add":2}');
    expect(await client.receives(3)).toEqual(['{"sum":10}', '{"sum":11}', '{"sum":13}']);
  });

  test("sees the end of its messages when the client leaves, and what had come before", async () => {
    const read: unknown[] = [];
    const ended = Promise.withResolvers<boolean>();
    const go = Promise.withResolvers<void>();
    const app = quietApp().websocket("/", {}, async (socket) => {
      await go.promise;
      for await (const message of socket) read.push(message);
      ended.resolve(socket.isOpen);
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send("a").send("b").close();
    await within("the client's close", client.closed);
    go.resolve();
    expect(await within("the end of the loop", ended.promise)).toBe(false);
    expect(read).toEqual(["a", "b"]);
  });

  test("that throws closes with 1011, is logged, and reaches error", async () => {
    const log = recordingLogger();
    const errors: unknown[] = [];
    const app = quietApp({ logger: log }).websocket(
      "/",
      { error: (_, error) => void errors.push(error) },
      async function* (socket) {
        for await (const message of socket) {
          if (message === "bad") throw new Error("boom");
          yield message;
        }
      },
    );
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send("good").send("bad");
    expect(await within("a close", client.closed)).toMatchObject({ code: 1011 });
    expect(client.messages).toEqual(["good"]);
    expect(errors).toHaveLength(1);
    expect(log.errors()).toContain("boom");
  });

  test("that is a generator runs its finally when the client vanishes", async () => {
    const ended = Promise.withResolvers<void>();
    const app = quietApp().websocket("/", {}, async function* () {
      try {
        for (;;) {
          await Bun.sleep(1);
          yield "tick";
        }
      } finally {
        ended.resolve();
      }
    });
    await using server = await serveApp(app);
    using client = await RawWebSocket.connect(server.port, "/");
    await client.next();
    client.vanish();
    await within("the finally", ended.promise);
  });

  test("waits for open, and beside message it is refused", async () => {
    const order: string[] = [];
    const app = quietApp().websocket(
      "/",
      {
        async open() {
          await Bun.sleep(1);
          order.push("open");
        },
      },
      async (socket) => {
        order.push("handler");
        for await (const message of socket) order.push(String(message));
      },
    );
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send("message");
    await until("the message", () => order.length === 3);
    expect(order).toEqual(["open", "handler", "message"]);
    const both = { message() {} } as object;
    expect(() => quietApp().websocket("/", both, async () => {})).toThrow("ROBYN_OPTION_INVALID");
  });
});

test("a handler that is busy holds its client back instead of filling the memory", async () => {
  const go = Promise.withResolvers<void>();
  let read = 0;
  const app = quietApp().websocket("/", {}, async (socket) => {
    await go.promise;
    for await (const message of socket) read += message.length;
  });
  await using server = await serveApp(app);
  using client = await RawWebSocket.connect(server.port, "/");
  const size = 65_000;
  const count = 1_000;
  // What the server does not take stays with the client, which has all of it in memory from the beginning.
  client.send(Buffer.concat(Array(count).fill(frame(opcode.binary, Buffer.alloc(size)))));
  const before = process.memoryUsage.rss();
  await Bun.sleep(300);
  expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 2 ** 20);
  expect(read).toBe(0);
  go.resolve();
  await until("all of it", () => read === count * size, 20_000);
});
