/** Sockets of the client against real servers in this process. */
import { describe, expect, test } from "bun:test";
import { t } from "robyn";
import { createClient } from "robyn/client";
import type { AnyConnectOptions } from "../../src/client/options.ts";
import { ClientSocket } from "../../src/client/socket.ts";
import { HandEnvironment } from "../support/hand-environment.ts";
import { quietApp, type Served, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

interface Journal {
  readonly received: unknown[];
  readonly connections: {
    close(code?: number, reason?: string): void;
    send(it: unknown): unknown;
  }[];
}

function journalApp(journal: Journal) {
  return quietApp().websocket("/journal", {
    schema: t.Unknown(),
    response: t.Unknown(),
    protocols: ["v2", "v1"],
    open: (socket) => void journal.connections.push(socket),
    message: (_, message) => void journal.received.push(message),
  });
}

interface Scene extends AsyncDisposable {
  readonly served: Served;
  readonly journal: Journal;
  readonly environment: HandEnvironment;
  readonly socket: ClientSocket;
  readonly events: string[];
  opens(times: number): Promise<unknown>;
  receives(...messages: unknown[]): Promise<void>;
}

async function scene(options: AnyConnectOptions = {}): Promise<Scene> {
  const journal: Journal = { received: [], connections: [] };
  const served = await serveApp(journalApp(journal));
  const environment = new HandEnvironment();
  const url = `ws://127.0.0.1:${served.port}/journal`;
  const socket = new ClientSocket(() => url, options, environment);
  const events: string[] = [];
  socket.on("open", ({ again }) => events.push(again ? "open again" : "open"));
  socket.on("close", ({ code, isFinal }) => events.push(`close ${code}${isFinal ? " final" : ""}`));
  socket.on("reconnect", ({ failures, seconds }) => events.push(`${failures} in ${seconds} s`));
  const opens = (times: number) =>
    until(
      () => `${times} connections: ${events}`,
      () => events.filter((it) => it.startsWith("open")).length === times,
    );
  return {
    ...{ served, journal, environment, socket, events, opens },
    async receives(...messages) {
      await until(
        () => `${messages.length} messages, not ${JSON.stringify(journal.received)}`,
        () => journal.received.length >= messages.length,
      );
      expect(journal.received).toEqual(messages);
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await served[Symbol.asyncDispose]();
      // Nothing of a closed socket runs on.
      expect(environment.timers).toEqual([]);
    },
  };
}

describe("a socket", () => {
  test("talks to a route of the application, typed by it", async () => {
    const app = quietApp().websocket("/sum/:start", {
      params: t.Object({ start: t.Integer() }),
      query: t.Object({ step: t.Integer() }),
      schema: t.Object({ add: t.Array(t.Integer()) }),
      response: t.Object({ sum: t.Integer() }),
      message: (socket, { add }) => {
        const { start } = socket.params;
        socket.send({ sum: add.reduce((sum, it) => sum + it, start) });
      },
    });
    await using served = await serveApp(app);
    const client = createClient<typeof app>(served.url());
    using socket = client.connect("/sum/:start", { params: { start: 3 }, query: { step: 1 } });
    expect(socket.send({ add: [1, 2] })).toBe("queued");
    socket.send({ add: [] });
    const sums: number[] = [];
    for await (const { sum } of socket) {
      sums.push(sum);
      if (sums.length === 2) break;
    }
    expect(sums).toEqual([6, 3]);
  });

  test("sends text and bytes as they are where the route has no schema", async () => {
    const app = quietApp().websocket("/echo", {}, async function* (socket) {
      for await (const message of socket) yield message;
    });
    await using served = await serveApp(app);
    using socket = createClient<typeof app>(served.url()).connect("/echo", { raw: true });
    const bytes = new Uint8Array([0, 255]);
    socket.send(bytes);
    bytes[0] = 7;
    socket.send("text");
    const answers = [];
    for await (const message of socket) if (answers.push(message) === 2) break;
    expect(answers).toEqual([new Uint8Array([0, 255]), "text"]);
    expect(() => Reflect.apply(socket.send, socket, [{ no: "text" }])).toThrow(TypeError);
  });

  test("keeps what comes before anybody listens, and what comes to every reader", async () => {
    await using it = await scene();
    await it.opens(1);
    for (const message of [1, 2, 3]) it.journal.connections[0]?.send(message);
    const early: unknown[] = [];
    for await (const message of it.socket) if (early.push(message) === 2) break;
    const readers = [it.socket[Symbol.asyncIterator](), it.socket[Symbol.asyncIterator]()];
    const heard: unknown[] = [];
    it.socket.on("message", (message) => heard.push(message));
    it.journal.connections[0]?.send(4);
    await until("the last", () => heard.includes(4));
    expect([early, heard.at(-1)]).toEqual([[1, 2], 4]);
    it.socket.close();
    for (const reader of readers) {
      const all = await Array.fromAsync(reader);
      expect(all.at(-1)).toBe(4);
    }
    expect(it.socket.send("late")).toBe("refused");
  });

  test("agrees on a subprotocol, and hands what is no JSON to `error`", async () => {
    const app = quietApp().websocket("/", {
      protocols: ["v2"],
      open: (socket) => void socket.send("{").toString(),
    });
    await using served = await serveApp(app);
    using socket = createClient(served.url()).connect("/", { protocols: ["v1", "v2"] });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.on("error", resolve);
    expect(await within("an error", promise)).toBeInstanceOf(SyntaxError);
    expect(socket.protocol).toBe("v2");
    expect(socket.isOpen).toBe(true);
  });

  test("asks for its query before every connection, and survives a failure of that", async () => {
    const seen: unknown[] = [];
    const app = quietApp().websocket("/", {
      beforeUpgrade: ({ query }) => void seen.push(query["token"]),
      open: (socket) => socket.close(1012),
    });
    await using served = await serveApp(app);
    const tokens = ["one", "two", "three"];
    const query = async () => {
      const token = tokens.shift();
      if (token === "two") throw new Error("no token");
      return { token };
    };
    const reconnect = { first: 0.001, most: 0.002, attempts: 2 };
    using socket = createClient(served.url()).connect("/", { query, reconnect });
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    expect((await within("the end", socket.closed)).code).toBe(1012);
    expect({ seen, errors: errors.map(String) }).toEqual({
      seen: ["one", "three"],
      errors: ["Error: no token"],
    });
  });
});

describe("a connection that ends", () => {
  test("comes back after a wait, and brings what was sent meanwhile, in order and once", async () => {
    await using it = await scene();
    await it.opens(1);
    expect(it.socket.send("before")).toBe("sent");
    await it.receives("before");
    it.journal.connections[0]?.close(1001);
    await until("the close", () => it.events.includes("close 1001"));
    expect(["a", "b"].map((text) => it.socket.send(text))).toEqual(["queued", "queued"]);
    expect(it.socket.waiting).toBe(2);
    const drained = it.socket.drained();
    await it.environment.pass(500);
    await it.opens(2);
    await within("the rest", drained);
    await it.receives("before", "a", "b");
    expect(it.events).toEqual(["open", "close 1001", "1 in 0.5 s", "open again"]);
  });

  test("waits longer each time, until a connection has held for a while", async () => {
    await using it = await scene();
    const waits = [500, 1_000, 2_000];
    for (const [index, wait] of waits.entries()) {
      await it.opens(index + 1);
      it.journal.connections[index]?.close(1012);
      await it.environment.pass(wait);
    }
    await it.opens(4);
    await it.environment.pass(5_000);
    it.journal.connections[3]?.close(1012);
    await it.environment.pass(500);
    await it.opens(5);
    it.journal.connections[4]?.close(1013);
    await it.environment.pass(8_000);
    await it.opens(6);
  });

  test("begins with what `resume` gives, before what waited", async () => {
    const resume = (again: boolean) => [{ subscribe: "news", again }];
    await using it = await scene({ resume });
    it.socket.send("first");
    await it.receives({ subscribe: "news", again: false }, "first");
    it.journal.connections[0]?.close(1001);
    await until("the close", () => it.events.includes("close 1001"));
    it.socket.send("second");
    await it.environment.pass(500);
    await it.receives(
      { subscribe: "news", again: false },
      "first",
      { subscribe: "news", again: true },
      "second",
    );
  });

  test.each([1000, 1003, 1008])("stays away after %d", async (code) => {
    await using it = await scene();
    await it.opens(1);
    it.journal.connections[0]?.close(code, "why");
    expect(await within("the end", it.socket.closed)).toEqual({ code, reason: "why" });
    expect(it.events).toEqual(["open", `close ${code} final`]);
  });

  test("stays away after codes that it is told, and tells what was left", async () => {
    const stopOn = (code: number) => code === 4001;
    await using it = await scene({ reconnect: { stopOn } });
    const dropped: unknown[] = [];
    it.socket.on("drop", (message) => dropped.push(message));
    await it.opens(1);
    it.journal.connections[0]?.close(4000);
    await until("the close", () => it.events.includes("close 4000"));
    await it.environment.pass(500);
    await it.opens(2);
    const off = it.socket.on("open", () => {});
    off();
    it.journal.connections[1]?.close(4000);
    await until("the close", () => it.events.at(-1) === "2 in 1 s");
    it.socket.send("left");
    it.socket.close(4002, "enough");
    expect(dropped).toEqual(["left"]);
    expect(await it.socket.closed).toEqual({ code: 4002, reason: "enough" });
    await within("drained", it.socket.drained());
  });

  test("says nothing more once it was closed, also where that happens on being told of a close", async () => {
    await using it = await scene();
    await it.opens(1);
    it.socket.on("close", () => it.socket.close());
    it.journal.connections[0]!.close(1001);
    await within("the end", it.socket.closed);
    expect(it.events).toEqual(["open", "close 1001", "close 1000 final"]);
    expect(it.environment.timers).toEqual([]);
  });

  test("comes back where `stopOn` fails, and tells of it", async () => {
    const failure = new Error("stopOn");
    const stopOn = () => {
      throw failure;
    };
    await using it = await scene({ reconnect: { stopOn } });
    const errors: unknown[] = [];
    it.socket.on("error", (error) => errors.push(error));
    await it.opens(1);
    it.journal.connections[0]!.close(4000);
    await it.environment.pass(500);
    await it.opens(2);
    expect(errors).toEqual([failure]);
  });

  test("gives up after its attempts", async () => {
    const environment = new HandEnvironment();
    const options = { reconnect: { attempts: 2 } };
    const socket = new ClientSocket(() => "ws://127.0.0.1:1/", options, environment);
    await environment.pass(500);
    await environment.pass(1_000);
    expect((await within("the end", socket.closed)).code).toBe(1006);
    expect(environment.timers).toEqual([]);
    expect(await Array.fromAsync(socket)).toEqual([]);
  });

  test("drops the oldest, or refuses, when too much waits", async () => {
    for (const full of ["drop-oldest", "reject"] as const) {
      await using it = await scene({ queue: { messages: 2, full } });
      const dropped: unknown[] = [];
      it.socket.on("drop", (message) => dropped.push(message));
      const results = ["a", "b", "c"].map((text) => it.socket.send(text));
      await it.opens(1);
      const dropsOldest = full === "drop-oldest";
      expect(results).toEqual(["queued", "queued", dropsOldest ? "queued" : "refused"]);
      await it.receives(...(dropsOldest ? ["b", "c"] : ["a", "b"]));
      expect(dropped).toEqual(dropsOldest ? ["a"] : []);
    }
  });
});

describe("a server that says nothing any more", () => {
  test("is pinged, and left when it does not answer", async () => {
    using silent = silentAfterHandshake();
    const environment = new HandEnvironment();
    const url = `ws://127.0.0.1:${silent.port}/`;
    using socket = new ClientSocket(() => url, {}, environment);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.on("close", resolve);
    await environment.pass(30_000);
    expect(socket.isOpen).toBe(true);
    await environment.pass(10_000);
    expect(await within("a close", promise)).toMatchObject({ code: 1006, isFinal: false });
  });

  test("is left alone where it answers pings", async () => {
    let pongs = 0;
    const open = (url: string) => {
      const socket = new WebSocket(url);
      socket.addEventListener("pong", () => pongs++);
      return socket;
    };
    await using it = await scene({ open });
    await it.opens(1);
    await it.environment.pass(30_000);
    await until("a pong", () => pongs === 1);
    await it.environment.pass(10_000);
    await it.environment.pass(30_000);
    expect({ isOpen: it.socket.isOpen, events: it.events }).toEqual({
      isOpen: true,
      events: ["open"],
    });
  });

  test("is asked by a message where there are no pings", async () => {
    const heartbeat = { interval: 30, timeout: 10, message: { ping: 1 } };
    await using it = await scene({ heartbeat });
    await it.opens(1);
    await it.environment.pass(30_000);
    await it.receives({ ping: 1 });
    await it.environment.pass(10_000);
    expect(it.events).toEqual(["open", "close 1006", "1 in 0.5 s"]);
    await it.environment.pass(500);
    await it.opens(2);
    await it.environment.pass(30_000);
    await it.receives({ ping: 1 }, { ping: 1 });
    it.journal.connections[1]?.send("here");
    const [message] = await Array.fromAsync(take(it.socket, 1));
    expect(message).toBe("here");
    await it.environment.pass(10_000);
    expect(it.socket.isOpen).toBe(true);
    expect(it.environment.timers).toContain(30_000);
  });

  test("at the handshake is not waited for", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const environment = new HandEnvironment();
    const url = `ws://127.0.0.1:${silent.port}/`;
    using socket = new ClientSocket(() => url, {}, environment);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    socket.on("close", resolve);
    await environment.pass(10_000);
    expect(await within("a close", promise)).toMatchObject({ code: 1006, isFinal: false });
  });
});

async function* take<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item> {
  let taken = 0;
  for await (const item of items) {
    yield item;
    if (++taken === count) return;
  }
}

/** Accepts any WebSocket (RFC 6455 §4.2.2), and then reads without ever answering. */
function silentAfterHandshake(): { readonly port: number } & Disposable {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const key = /sec-websocket-key: (\S+)/i.exec(bytes.toString())?.[1];
        if (key === undefined) return;
        const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        const accept = new Bun.CryptoHasher("sha1").update(key + guid).digest("base64");
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
      },
    },
  });
}
