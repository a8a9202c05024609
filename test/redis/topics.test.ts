/** Topics, sockets by id and presence of two clusters that a real Redis joins. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sse } from "robyn";
import { write } from "../../src/redis/messages.ts";
import { RawClient, request } from "../support/raw.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair, startSite } from "../support/redis-app.ts";
import { until } from "../support/wait.ts";

describe.skipIf(!hasRedis)("two clusters joined by Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("publish to each other: text, JSON and bytes, in order, each once", async () => {
    await using here = await startPair(server.url);
    const near = await here.visit("all");
    const far = await here.other.visit("all");
    const count = 2_000;
    for (let n = 0; n < count; n++) here.app.publish("all", `${n} š😀\n"`);
    here.app.publish("all", { a: [1] });
    here.app.publish("all", new Uint8Array([0, 1, 255]));
    const expected = [
      ...Array.from({ length: count }, (_, n) => `${n} š😀\n"`),
      '{"a":[1]}',
      Buffer.from([0, 1, 255]),
    ];
    for (const { socket } of [near, far]) {
      await socket.receives(count + 2);
      expect(socket.messages).toEqual(expected);
    }
  });

  test("leave out whom the publisher leaves out, wherever it is", async () => {
    await using here = await startPair(server.url);
    const near = await here.visit("few");
    const far = await here.other.visit("few");
    const third = await here.other.visit("few");
    here.app.publish("few", "one", { except: far.id });
    near.socket.send("two");
    await far.socket.receives(1);
    here.app.publish("few", "three");
    expect(await near.socket.receives(2)).toEqual(["one", "three"]);
    expect(await far.socket.receives(2)).toEqual(["two", "three"]);
    expect(await third.socket.receives(3)).toEqual(["one", "two", "three"]);
  });

  test("reach each other's sockets by id, and say no for one that nobody has", async () => {
    await using here = await startPair(server.url);
    const far = await here.other.visit("one");
    await until("the other cluster to be known", () => here.app.send(far.id, "for you, š"));
    here.app.send(far.id, new Uint8Array([7]));
    expect(await far.socket.receives(2)).toEqual(["for you, š", Buffer.from([7])]);
    expect(here.app.send("000000000000-0", "nobody")).toBe(false);
  });

  test("know who is there: those that were there before, come, leave, and end with their cluster", async () => {
    await using one = await startSite(server.url);
    const first = await one.visit("who");
    const other = await startSite(server.url);
    const seen = () => other.app.presence("who").members.map(({ id, as }) => ({ id, as }));
    const expected = (...ids: string[]) => ids.map((id) => ({ id, as: { n: 1 } }));
    await until("who was there", () => seen().length === 1);
    expect(seen()).toEqual(expected(first.id));
    const second = await one.visit("who");
    await until("who came", () => seen().length === 2);
    expect(seen()).toEqual(expected(first.id, second.id));
    first.socket.close();
    await until("who left", () => seen().length === 1);
    expect(seen()).toEqual(expected(second.id));
    await other.visit("who");
    await until("all of both", () => one.app.presence("who").count === 2);
    await other[Symbol.asyncDispose]();
    await until("the other cluster's to leave", () => one.app.presence("who").count === 1);
    expect(await server.ask("KEYS", "robyn:members:*")).toHaveLength(1);
  });

  test("keep what event streams of the other may ask for again", async () => {
    await using here = await startPair(server.url, {}, (app) => {
      app.get("/stream", () => sse.subscribe("news"));
    });
    using stream = await RawClient.connect(here.served.port);
    stream.send(request("GET", "/stream"));
    await stream.sees(/:\n\n/);
    // From here on the other keeps the topic: its next message is in its own log, too.
    let id = "";
    await until("the first message", async () => {
      here.other.app.publish("news", "first");
      const found = /id: (\S+)\ndata: first/.exec(stream.received);
      id = found?.[1] ?? "";
      return id !== "";
    });
    here.other.app.publish("news", "second");
    await stream.sees(/data: second/);
    using again = await RawClient.connect(here.other.served.port);
    again.send(request("GET", "/stream", { "last-event-id": id }));
    await again.sees(/data: second/);
  });

  test("with another prefix are strangers", async () => {
    await using one = await startSite(server.url, { prefix: "one" });
    await using other = await startSite(server.url, { prefix: "other" });
    await using witness = await startSite(server.url, { prefix: "one" });
    const stranger = await other.visit("x");
    const friend = await witness.visit("x");
    one.app.publish("x", "hello");
    await friend.socket.receives(1);
    other.app.publish("x", "own");
    expect(await stranger.socket.receives(1)).toEqual(["own"]);
    expect(friend.socket.messages).toEqual(["hello"]);
  });

  test("ignore what arrives late from a connection that its sender has given up", async () => {
    await using here = await startSite(server.url);
    const { socket } = await here.visit("x");
    const cluster = crypto.randomUUID();
    const name = "0123456789ab";
    const more = { publisher: `${name}0`, topic: "x", compress: false, binary: false };
    const publish = (epoch: number, sequence: number) =>
      write(cluster, "publish", { name, epoch, sequence, ...more }, `${epoch}/${sequence}`);
    for (const message of [
      write(cluster, "hello", { name, epoch: 1, revision: 0 }),
      publish(1, 1),
      write(cluster, "hello", { name, epoch: 2, revision: 0 }),
      publish(2, 3),
      publish(1, 2),
      publish(2, 4),
    ])
      await server.ask("PUBLISH", "robyn:all", message);
    expect(await socket.receives(3)).toEqual(["1/1", "2/3", "2/4"]);
  });

  test("ignore what somebody else publishes on their channel", async () => {
    await using here = await startPair(server.url);
    const far = await here.other.visit("x");
    for (const text of [
      "",
      "!",
      "nonsense",
      `${crypto.randomUUID()}p{\n`,
      `${"x".repeat(36)}f{}\n`,
    ])
      await server.ask("PUBLISH", "robyn:all", text);
    here.app.publish("x", "still here");
    expect(await far.socket.receives(1)).toEqual(["still here"]);
  });
});
