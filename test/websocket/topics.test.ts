/** Who hears what is published, in which order, and who does not. */
import { describe, expect, test } from "bun:test";
import type { Robyn } from "robyn";
import { ClientSocket } from "../support/client-socket.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

/** Sockets that do as they are told: `["subscribe", topic]`, `["publish", topic, message]`. */
function puppets(app: Robyn, ids: string[] = []): Robyn {
  return app.websocket("/", {
    open: (socket) => void ids.push(socket.id),
    message(socket, text) {
      const [what, topic, message] = JSON.parse(String(text)) as [string, string, unknown];
      if (what === "subscribe") socket.subscribe(topic);
      if (what === "unsubscribe") socket.unsubscribe(topic);
      if (what === "publish") socket.publish(topic, message);
      if (what === "publish to all") socket.publish(topic, message, { self: true });
      socket.send(`${what}: ${socket.topics.join()}`);
    },
  });
}

async function tell(client: ClientSocket, ...command: unknown[]): Promise<void> {
  const count = client.messages.filter((it) => String(it).includes(": ")).length;
  client.send(JSON.stringify(command));
  await until(
    "the answer",
    () => client.messages.filter((it) => String(it).includes(": ")).length > count,
  );
}

/** What was heard, without the answers to commands. */
function heard(client: ClientSocket): unknown[] {
  return client.messages.filter((it) => !String(it).includes(": "));
}

describe("publish", () => {
  test("reaches the other subscribers, with self the publisher too, and nobody else", async () => {
    await using server = await serveApp(puppets(quietApp()));
    using ada = await ClientSocket.connect(server.port, "/");
    using bob = await ClientSocket.connect(server.port, "/");
    using eve = await ClientSocket.connect(server.port, "/");
    await tell(ada, "subscribe", "t");
    await tell(bob, "subscribe", "t");
    await tell(eve, "subscribe", "other");
    await tell(ada, "publish", "t", "one");
    await tell(ada, "publish to all", "t", "two");
    await tell(eve, "publish", "t", "three");
    await tell(bob, "unsubscribe", "t");
    await tell(ada, "publish to all", "t", "four");
    await tell(bob, "subscribe", "u");
    await tell(eve, "subscribe", "u");
    expect(heard(ada)).toEqual(["two", "three", "four"]);
    expect(heard(bob)).toEqual(["one", "two", "three"]);
    expect(heard(eve)).toEqual([]);
    expect(bob.messages.at(-1)).toBe("subscribe: u");
  });

  test("of the app reaches all, but not the one that is excepted; objects are JSON, bytes binary", async () => {
    const ids: string[] = [];
    const app = puppets(quietApp(), ids);
    await using server = await serveApp(app);
    using ada = await ClientSocket.connect(server.port, "/");
    using bob = await ClientSocket.connect(server.port, "/");
    for (const client of [ada, bob]) await tell(client, "subscribe", "t");
    app.publish("t", "to all");
    app.publish("t", { a: 1 }, { except: ids[0]! });
    app.publish("t", new Uint8Array([1, 2]), { except: "somebody who has left" });
    app.publish("nobody", "listens");
    await bob.receives(4);
    await ada.receives(3);
    expect(heard(ada)).toEqual(["to all", Buffer.from([1, 2])]);
    expect(heard(bob)).toEqual(["to all", '{"a":1}', Buffer.from([1, 2])]);
  });

  test("from an HTTP handler and from a hook reaches sockets", async () => {
    const app = puppets(quietApp());
    app.beforeRequest("/say/*", ({ path }) => app.publish("t", `hook ${path}`));
    app.post("/say/:what", ({ params }) => {
      app.publish("t", params.what);
      return null;
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    await tell(client, "subscribe", "t");
    await fetch(server.url("/say/hello"), { method: "POST" });
    await client.receives(3);
    expect(heard(client)).toEqual(["hook /say/hello", "hello"]);
  });

  test("keeps the order of each publisher, between topics and with what is sent directly", async () => {
    const ids: string[] = [];
    const app = puppets(quietApp(), ids);
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    await tell(client, "subscribe", "a");
    await tell(client, "subscribe", "b");
    const count = 3_000;
    for (let index = 0; index < count; index++) {
      if (index % 3 === 2) expect(app.send(ids[0]!, String(index))).toBe(true);
      else app.publish(index % 3 === 0 ? "a" : "b", String(index));
    }
    await client.receives(count + 2);
    expect(heard(client)).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  });

  test("of what is no topic is refused", () => {
    const app = quietApp();
    for (const topic of ["", 7, undefined])
      expect(() => app.publish(topic as string, "x")).toThrow(TypeError);
    expect(() => app.publish("t", undefined)).toThrow(TypeError);
  });
});

test("app.send reaches one socket by its id, and says when there is none", async () => {
  const ids: string[] = [];
  const app = puppets(quietApp(), ids);
  await using server = await serveApp(app);
  using ada = await ClientSocket.connect(server.port, "/");
  using bob = await ClientSocket.connect(server.port, "/");
  await until("both", () => ids.length === 2);
  expect(new Set(ids).size).toBe(2);
  expect(app.send(ids[1]!, { to: "bob" })).toBe(true);
  expect(await bob.receives(1)).toEqual(['{"to":"bob"}']);
  expect(ada.messages).toEqual([]);
  bob.close();
  await until("bob to be gone", () => !app.send(ids[1]!, "x"));
  expect(app.send("nobody", "x")).toBe(false);
});

test("two servers that mount one app share its topics", async () => {
  const app = puppets(quietApp());
  await using first = Bun.serve({ port: 0, fetch: app.fetch, websocket: app.webSocketHandler });
  await using second = Bun.serve({ port: 0, fetch: app.fetch, websocket: app.webSocketHandler });
  using ada = await ClientSocket.connect(first.port!, "/");
  using bob = await ClientSocket.connect(second.port!, "/");
  for (const client of [ada, bob]) await tell(client, "subscribe", "t");
  await tell(ada, "publish", "t", "hello");
  await bob.receives(2);
  expect([heard(ada), heard(bob)]).toEqual([[], ["hello"]]);
});
