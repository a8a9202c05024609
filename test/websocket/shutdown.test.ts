/** A server that drains tells its sockets, and is not held up by them. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { ClientSocket } from "../support/client-socket.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";
import { RawWebSocket } from "../support/web-socket.ts";

test("every socket is closed with 1001, handlers end, close runs, before the shutdown handlers", async () => {
  const order: string[] = [];
  const log = recordingLogger();
  const app = quietApp({ logger: log })
    .websocket("/", {
      async close(_, code) {
        await Bun.sleep(5);
        order.push(`close ${code}`);
      },
    })
    .websocket("/loop", {}, async (socket) => {
      for await (const _ of socket);
      await Bun.sleep(5);
      order.push("loop is over");
    });
  app.shutdownHandler(() => void order.push("shutdown"));
  await using server = await serveApp(app, { shutdownTimeout: 30 });
  using first = await ClientSocket.connect(server.port, "/");
  using second = await ClientSocket.connect(server.port, "/loop");
  using silent = await RawWebSocket.connect(server.port, "/", {}, { paused: true });
  await within("the server to stop", server.running.stop());
  expect((await first.closed).code).toBe(1001);
  expect((await second.closed).code).toBe(1001);
  silent.resume();
  expect(await silent.closeCode()).toBe(1001);
  expect(order.at(-1)).toBe("shutdown");
  expect(order.slice(0, -1).toSorted()).toEqual(["close 1001", "close 1001", "loop is over"]);
  expect(log.errors()).toBe("");
});

test("a handler that does not end is not waited for longer than a second", async () => {
  const app = quietApp().websocket("/", {}, () => new Promise(() => {}));
  await using server = await serveApp(app, { shutdownTimeout: 30 });
  using client = await ClientSocket.connect(server.port, "/");
  await within("the server to stop", server.running.stop());
  expect((await client.closed).code).toBe(1001);
});

test("a handshake that ends while the server drains is refused or closed at once", async () => {
  const go = Promise.withResolvers<void>();
  let waiting = 0;
  const told: string[] = [];
  const app = quietApp().websocket("/", {
    beforeUpgrade: () => {
      waiting++;
      return go.promise;
    },
    open: () => void told.push("open"),
    close: () => void told.push("close"),
  });
  await using server = await serveApp(app, { shutdownTimeout: 30 });
  const connecting = RawWebSocket.connect(server.port, "/");
  await until("the handshake", () => waiting === 1);
  const stopping = server.running.stop();
  go.resolve();
  using client = await connecting;
  if (client.response.status === 101) expect(await client.closeCode()).toBe(1001);
  else expect(client.response.status).toBe(503);
  await within("the server to stop", stopping);
  expect(told).toEqual([]);
});

test("the reason of the close says how many messages were received, valid or not", async () => {
  const seen: unknown[] = [];
  const later = z.string().refine(async (text) => {
    await Bun.sleep(1);
    return text !== "no";
  });
  const app = quietApp()
    .websocket("/plain", { message: (_, message) => void seen.push(message) })
    .websocket("/checked", {
      schema: later,
      message: (_, message) => void seen.push(message),
      error: (_, error) => void seen.push(error),
    });
  await using server = await serveApp(app);
  using plain = await ClientSocket.connect(server.port, "/plain");
  using checked = await ClientSocket.connect(server.port, "/checked");
  using idle = await ClientSocket.connect(server.port, "/plain");
  plain.send("a").send(new Uint8Array(1)).send("c");
  checked.send('"yes"').send('"no"').send("{");
  await until("six messages", () => seen.length === 6);
  await within("the server to stop", server.running.stop());
  const reasons = [plain, checked, idle].map(async (it) => (await it.closed).reason);
  expect(await Promise.all(reasons)).toEqual(
    [3, 3, 0].map((count) => `the server is going away, received ${count}`),
  );
});
