/** Event streams that follow topics: what is published while a client is away comes when it is back, or it is told. */
import { describe, expect, test } from "bun:test";
import { sse } from "robyn";
import { Position } from "../../src/websocket/position.ts";
import { TopicLog } from "../../src/websocket/topic-log.ts";
import { TopicLogs } from "../../src/websocket/topic-logs.ts";
import { gap } from "../../src/response/topics.ts";
import { ClientSocket } from "../support/client-socket.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

/** Reads a stream as `EventSource` would. */
class Reader implements AsyncDisposable {
  readonly events: { id?: string; event?: string; data?: string }[] = [];
  /** Also of an id without an event. */
  lastEventId: string | undefined;
  readonly #abort = new AbortController();
  isOver = false;

  static async open(url: string, lastEventId?: string): Promise<Reader> {
    const reader = new Reader();
    const headers: Record<string, string> =
      lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const response = await fetch(url, { headers, signal: reader.#abort.signal });
    void reader.#read(response.body!);
    return reader;
  }

  async receives(count: number): Promise<string[]> {
    await until(
      () => `${count} events; so far ${JSON.stringify(this.events)}`,
      () => this.events.length >= count,
    );
    return this.events.map(({ event, data }) => (event === undefined ? data! : `${event} ${data}`));
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = "";
    try {
      for await (const chunk of body) {
        text += Buffer.from(chunk).toString();
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        for (const block of blocks) {
          const fields = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
          const found = fields.filter((field) => field !== null);
          const event: Reader["events"][number] = Object.fromEntries(
            found.map(([, name, value]) => [name, value]),
          );
          this.lastEventId = event.id ?? this.lastEventId;
          if (event.data !== undefined) this.events.push(event);
        }
      }
    } catch {
      // It was left.
    }
    this.isOver = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await until("the stream to end", () => this.isOver);
  }
}

function news(options: Parameters<typeof quietApp>[0] = {}) {
  return quietApp(options)
    .get("/news", () => sse.subscribe("news"))
    .get("/named", () =>
      sse.subscribe("news", { event: "headline", gap: { event: "lost", data: 1 } }),
    )
    .websocket("/", { message: (socket, text) => socket.publish("news", text) });
}

describe("sse.subscribe", () => {
  test("sends what the app and sockets publish, in order, as text or JSON; binary is for sockets only", async () => {
    const app = news();
    await using server = await serveApp(app);
    await using first = await Reader.open(server.url("/news"));
    await using second = await Reader.open(server.url("/named"));
    app.publish("news", "one\nline more");
    app.publish("other", "not this");
    app.publish("news", new Uint8Array([1]));
    app.publish("news", { two: 2 });
    expect(await first.receives(2)).toEqual(["line more", '{"two":2}']);
    using socket = await ClientSocket.connect(server.port, "/");
    socket.send("three");
    expect((await first.receives(3))[2]).toBe("three");
    expect((await second.receives(3)).slice(1)).toEqual(['headline {"two":2}', "headline three"]);
  });

  test("replays what was missed to a client that comes back, and nothing twice", async () => {
    const app = news();
    await using server = await serveApp(app);
    let last: string | undefined;
    {
      await using reader = await Reader.open(server.url("/news"));
      app.publish("news", "1");
      app.publish("news", "2");
      await reader.receives(2);
      last = reader.events[0]!.id;
    }
    app.publish("news", "3");
    await using back = await Reader.open(server.url("/news"), last);
    expect(await back.receives(2)).toEqual(["2", "3"]);
    app.publish("news", "4");
    expect(await back.receives(3)).toEqual(["2", "3", "4"]);
    await using fresh = await Reader.open(server.url("/news"));
    app.publish("news", "5");
    expect(await fresh.receives(1)).toEqual(["5"]);
  });

  test("replays to a client that had not received anything, from when it came on", async () => {
    const app = news();
    await using server = await serveApp(app);
    const leave = async () => {
      await using reader = await Reader.open(server.url("/news"));
      const id = await until("an id", () => reader.lastEventId);
      expect(reader.events).toEqual([]);
      return id;
    };
    const first = await leave();
    app.publish("news", "1");
    const second = await leave();
    app.publish("news", "2");
    await using back = await Reader.open(server.url("/news"), first);
    expect(await back.receives(2)).toEqual(["1", "2"]);
    await using later = await Reader.open(server.url("/news"), second);
    expect(await later.receives(1)).toEqual(["2"]);
    // Followed for the first time after it began elsewhere, and before anything was published.
    await using neither = await Reader.open(server.url("/news"), await leave());
    app.publish("news", "3");
    expect(await neither.receives(1)).toEqual(["3"]);
  });

  test("tells of a gap where the history is too short, or the id is of another life or nonsense", async () => {
    const app = news({ topics: { history: 2 } });
    await using server = await serveApp(app);
    await using reader = await Reader.open(server.url("/news"));
    for (let count = 1; count <= 4; count++) {
      app.publish("news", String(count));
      await reader.receives(count);
    }
    const ids = reader.events.map(({ id }) => id!);
    await using close = await Reader.open(server.url("/news"), ids[1]);
    expect(await close.receives(2)).toEqual(["3", "4"]);
    for (const lost of [
      ids[0]!,
      "deadbeef0:9",
      "nonsense",
      "a:1,a:2",
      `x:${"9".repeat(30)}`,
      "a".repeat(5_000),
    ]) {
      await using late = await Reader.open(server.url("/news"), lost);
      expect([lost, await late.receives(3)]).toEqual([lost, ["gap null", "3", "4"]]);
      // Told once: with the id of what came after it, nothing is missing.
      await using again = await Reader.open(server.url("/named"), late.events[1]!.id);
      expect(await again.receives(1)).toEqual(["headline 4"]);
    }
    await using named = await Reader.open(server.url("/named"), "nonsense");
    expect((await named.receives(1))[0]).toBe("lost 1");
  });

  test("ends with the server", async () => {
    const server = await serveApp(news(), { shutdownTimeout: 30 });
    const reader = await Reader.open(server.url("/news"));
    await within("the server to stop", server.running.stop());
    await until("the end of the stream", () => reader.isOver);
  });

  test("refuses what is no topic, as publish() does", async () => {
    expect(() => sse.subscribe(7 as unknown as string)).toThrow(TypeError);
    const app = quietApp().get("/of", ({ query }) => sse.subscribe("x".repeat(Number(query.size))));
    await using server = await serveApp(app);
    for (const size of [0, 4_097])
      expect((await fetch(server.url(`/of?size=${size}`))).status).toBe(500);
  });
});

/** What a follower is given without waiting for longer. */
async function replay(log: TopicLog, after: string, patience_ms = 5): Promise<unknown[]> {
  const over = new AbortController();
  const given: unknown[] = [];
  const iterator = log.follow(after, over.signal);
  for (;;) {
    const next = iterator.next();
    const settled = await Promise.race([next, Bun.sleep(patience_ms).then(() => undefined)]);
    if (settled === undefined || settled.done === true) break;
    given.push(settled.value === gap ? "gap" : settled.value.data);
  }
  over.abort();
  return given;
}

describe("a topic of several processes", () => {
  const limits = { messages: 100, characters: 10_000 };

  test("has ids that are exact in each of them, whatever order they saw the messages in", async () => {
    const [here, there] = [new TopicLog(limits), new TopicLog(limits)];
    const over = new AbortController();
    const follower = here.follow(undefined, over.signal);
    const messages = { a1: ["a", 1], a2: ["a", 2], b1: ["b", 1], b2: ["b", 2] } as const;
    for (const name of ["a1", "b1", "a2", "b2"] as const)
      here.append(messages[name][0], messages[name][1], name);
    for (const name of ["b1", "b2", "a1", "a2"] as const)
      there.append(messages[name][0], messages[name][1], name);
    const seen: string[] = [];
    for (let index = 0; index < 4; index++) {
      const { value } = await follower.next();
      if (value === undefined || value === gap) throw new Error("no message");
      seen.push(value.data);
      const rest = ["a1", "a2", "b1", "b2"].filter((name) => !seen.includes(name));
      expect((await replay(there, value.id)).toSorted()).toEqual(rest);
      expect((await replay(here, value.id)).toSorted()).toEqual(rest);
    }
    over.abort();
  });

  test("knows of messages that never came, and drops those that come twice", async () => {
    const log = new TopicLog(limits);
    log.append("a", 1, "a1");
    log.append("a", 1, "a1 again");
    log.append("a", 3, "a3");
    expect(await replay(log, "a:1")).toEqual(["gap", "a3"]);
    expect(await replay(log, "a:2")).toEqual(["a3"]);
  });

  test("keeps to its limits of messages and characters, and one message however long", async () => {
    const log = new TopicLog({ messages: 3, characters: 10 });
    for (let index = 1; index <= 9; index++) log.append("a", index, "xxxx");
    expect(await replay(log, "a:7")).toEqual(["xxxx", "xxxx"]);
    expect(await replay(log, "a:6")).toEqual(["gap", "xxxx", "xxxx"]);
    log.append("a", 10, "x".repeat(100));
    expect(await replay(log, "a:9")).toEqual(["x".repeat(100)]);
  });

  test("forgets publishers that are gone, so that ids do not grow for ever", () => {
    const position = new Position();
    for (let index = 0; index < 200; index++) {
      position.advance(`p${index}`, 1);
      position.forget((publisher) => publisher === "p0");
    }
    expect(position.of("p0")).toBe(1);
    expect(position.of("p199")).toBe(1);
    expect([...position.publishers]).toHaveLength(64);
    expect(Position.parse(position.toString())?.toString()).toBe(position.toString());
  });

  test("falls behind: a follower that does not read costs nothing, and is told", async () => {
    const log = new TopicLog({ messages: 10, characters: 10_000 });
    const over = new AbortController();
    const follower = log.follow(undefined, over.signal);
    for (let index = 1; index <= 1_000; index++) log.append("a", index, String(index));
    expect((await follower.next()).value).toBe(gap);
    expect((await follower.next()).value).toMatchObject({ data: "991" });
    over.abort();
  });
});

describe("a log that begins with what another process had", () => {
  const limits = { messages: 10, characters: 1_000 };
  const made = (...messages: [publisher: string, sequence: number][]) => {
    const log = new TopicLog(limits);
    for (const [publisher, sequence] of messages)
      log.append(publisher, sequence, publisher + sequence);
    return log;
  };

  test("has all of it once, whatever overlaps", async () => {
    const log = made(["a", 3], ["b", 2]);
    log.precede(made(["a", 1], ["b", 1], ["a", 2], ["a", 3], ["a", 4], ["c", 1]).history());
    const missing = ["a2", "a3", "a4", "c1", "b2"];
    expect(await replay(log, "a:1,b:1")).toEqual(missing);
    // What the other one had before it came here, comes here.
    for (const sequence of [4, 5]) log.append("a", sequence, `a${sequence}`);
    expect(await replay(log, "a:1,b:1")).toEqual([...missing, "a5"]);
    expect(await replay(log, "a:5,b:2,c:1")).toEqual([]);
  });

  test("gives those who are here already what comes, and nothing of before", async () => {
    const log = new TopicLog(limits);
    const over = new AbortController();
    const follower = log.follow(undefined, over.signal);
    const first = follower.next();
    log.precede(made(["a", 1], ["a", 2]).history());
    // The other process has heard of it earlier.
    for (const sequence of [2, 3]) log.append("a", sequence, `a${sequence}`);
    expect((await first).value).toMatchObject({ data: "a2" });
    expect((await follower.next()).value).toMatchObject({ data: "a3" });
    over.abort();
  });

  test("gives those who come later nothing of before, also where they come back", async () => {
    const log = made(["b", 2]);
    log.precede(made(["a", 1], ["b", 1]).history());
    expect(await replay(log, log.place)).toEqual([]);
    log.append("a", 2, "a2");
    const over = new AbortController();
    const follower = log.follow(undefined, over.signal);
    log.append("b", 3, "b3");
    const { value } = await follower.next();
    if (value === undefined || value === gap) throw new Error("no message");
    expect(value.data).toBe("b3");
    expect(await replay(log, value.id)).toEqual([]);
    over.abort();
  });

  test("tells of a gap where one is left: between both, before both, and of who is unknown to both", async () => {
    const between = made(["a", 4]);
    between.precede(made(["a", 1], ["a", 2]).history());
    expect(await replay(between, "a:2")).toEqual(["gap", "a4"]);
    expect(await replay(between, "a:3")).toEqual(["a4"]);
    const later = new TopicLog(limits);
    later.precede(made(["a", 1], ["a", 2]).history());
    later.append("a", 4, "a4");
    expect(await replay(later, "a:1")).toEqual(["gap", "a4"]);
    const before = made(["a", 6]);
    before.precede(made(["a", 4], ["a", 5]).history());
    expect(await replay(before, "a:2")).toEqual(["gap", "a4", "a5", "a6"]);
    expect(await replay(before, "a:3")).toEqual(["a4", "a5", "a6"]);
    expect(await replay(before, "a:3,x:1", 1_000)).toEqual(["gap", "a4", "a5", "a6"]);
  });

  test("is given a moment to hear of a publisher that its client has heard of already", async () => {
    const log = made(["a", 1]);
    const over = new AbortController();
    const follower = log.follow("a:1,b:1", over.signal);
    const event = follower.next();
    await Bun.sleep(1);
    // The client has this one.
    log.append("b", 1, "b1");
    log.append("b", 2, "b2");
    expect((await event).value).toMatchObject({ data: "b2" });
    over.abort();
  });

  test("keeps to its limits", async () => {
    const log = made(["b", 1], ["b", 2]);
    const messages = Array.from({ length: 10 }, (_, index) => ["a", index + 1] as [string, number]);
    log.precede(made(...messages).history());
    expect(log.history().entries).toHaveLength(10);
    expect(await replay(log, "a:9")).toEqual(["a10", "b1", "b2"]);
    expect((await replay(log, "a:1"))[0]).toBe("gap");
  });

  test("survives a hundred generations, and so do the ids of who comes back in each of them", async () => {
    let log = new TopicLog(limits);
    let id: string | undefined;
    for (let generation = 0; generation < 100; generation++) {
      const successor = new TopicLog(limits);
      successor.precede(log.history());
      log = successor;
      const over = new AbortController();
      const follower = log.follow(id, over.signal);
      for (const worker of ["a", "b", "c", "d"]) {
        const name = `${"0".repeat(12)}${worker}${generation}`;
        log.append(name, 1, name);
        const { value } = await follower.next();
        if (value === undefined || value === gap) throw new Error(`generation ${generation}`);
        expect(value.data).toBe(name);
        id = value.id;
      }
      over.abort();
    }
    expect(id!.length).toBeLessThan(2_000);
  });
});

test("a log that was given up and begins again is another life of the topic", async () => {
  const logs = new TopicLogs("p", { messages: 10, characters: 1_000 });
  const over = new AbortController();
  const follow = (topic: string, after?: string) =>
    logs.follow(topic, after, over.signal)[Symbol.asyncIterator]();
  const first = follow("t");
  logs.append("t", logs.stamp("t"), "1");
  const { value } = await first.next();
  if (value === undefined || value === gap) throw new Error("no message");
  await first.return?.();
  for (let index = 0; index < 1_001; index++) follow(`other ${index}`);
  expect(logs.has("t")).toBe(false);
  expect((await follow("t", value.id).next()).value).toBe(gap);
  over.abort();
});

test("who comes back to a log that begins with it is told of a gap, also if it had seen nothing", async () => {
  const over = new AbortController();
  for (const after of ["0", "a1:7"]) {
    const logs = new TopicLogs("p", { messages: 10, characters: 1_000 });
    const event = logs.follow("t", after, over.signal)[Symbol.asyncIterator]().next();
    expect((await within("a gap", event)).value).toBe(gap);
  }
  over.abort();
});

test("a followed topic keeps its numbers however many others are published to, so that ids stay short", () => {
  const logs = new TopicLogs("p", { messages: 10, characters: 1_000 });
  logs.follow("followed", undefined, new AbortController().signal);
  const { publisher } = logs.stamp("followed");
  for (let round = 0; round < 2; round++)
    for (let index = 0; index < 11_000; index++) logs.stamp(`topic ${index}`);
  expect(logs.stamp("followed")).toEqual({ publisher, sequence: 2 });
});

test("however many topics are followed at the same time, each of them is heard", async () => {
  const logs = new TopicLogs("p", { messages: 10, characters: 1_000 });
  const over = new AbortController();
  const topics = Array.from({ length: 1_100 }, (_, index) => `topic ${index}`);
  const next = topics.map((topic) =>
    logs.follow(topic, undefined, over.signal)[Symbol.asyncIterator]().next(),
  );
  for (const topic of topics) logs.append(topic, logs.stamp(topic), topic);
  for (const [index, event] of next.entries())
    expect((await within(`a message of topic ${index}`, event)).value).toMatchObject({
      data: topics[index],
    });
  over.abort();
});
