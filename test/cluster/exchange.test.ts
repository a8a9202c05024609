/** Two or three listeners in one process, each with a hub and its end of the bus: what hostile and unlucky messages do. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Exchange } from "../../src/cluster/exchange.ts";
import { Hub } from "../../src/websocket/hub.ts";
import { checkTopicSettings, checkWebSocketSettings } from "../../src/websocket/settings.ts";
import { silentLogger } from "../support/log.ts";
import { until } from "../support/wait.ts";

interface Place {
  readonly directory: string;
  readonly hub: Hub;
  readonly exchange: Exchange;
  /** What the followers of the topic "news" heard. */
  readonly heard: string[];
  /** Id and text of what came for a socket. */
  readonly sent: [id: string, text: string][];
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "robyn-bus-"));
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function enter(directory: string, slot: number, early?: (hub: Hub) => void): Promise<Place> {
  const hub = new Hub(
    checkWebSocketSettings({}),
    checkTopicSettings({ history: 100_000, historySize: 2 ** 25 }),
  );
  early?.(hub);
  const exchange = new Exchange({ directory, slot }, silentLogger);
  await exchange.open();
  exchange.attach(hub);
  const sent: Place["sent"] = [];
  const deliverTo = hub.deliverTo.bind(hub);
  hub.deliverTo = (id, payload) => {
    sent.push([id, String(payload)]);
    return deliverTo(id, payload);
  };
  ends.push(() => exchange.close());
  return { directory, hub, exchange, heard: follow(hub, "news"), sent };
}

function follow(hub: Hub, topic: string): string[] {
  const heard: string[] = [];
  const stop = new AbortController();
  ends.push(() => stop.abort());
  const stream = hub.follow(topic, undefined, stop.signal);
  void (async () => {
    for await (const event of stream) heard.push(typeof event === "symbol" ? "gap" : event.data);
  })();
  return heard;
}

async function pair(): Promise<[Place, Place]> {
  const directory = makeDirectory();
  const first = await enter(directory, 0);
  return [first, await enter(directory, 1)];
}

describe("a message of odd size", () => {
  test("`except` that is no id excludes nobody, and leaves the message whole", async () => {
    const [first, second] = await pair();
    for (const except of ["x".repeat(300), "š".repeat(128), "x".repeat(256), ""])
      first.hub.publish("news", "whole", { except });
    await until("the messages", () => second.heard.length === 4);
    expect(second.heard).toEqual(["whole", "whole", "whole", "whole"]);
  });

  test("an id that is too long to be one reaches nobody", async () => {
    const [first, second] = await pair();
    await until("the name", () => first.hub.send(`${second.hub.name}-0`, "exact"));
    for (const length of [200, 256, 300, 70_000])
      expect(first.hub.send(`${second.hub.name}-0`.padEnd(length, "0"), "not for you")).toBe(false);
    first.hub.publish("news", "after");
    await until("what came later", () => second.heard.length === 1);
    expect(second.sent).toEqual([[`${second.hub.name}-0`, "exact"]]);
  });

  test("a topic has a limit, the same with and without a cluster, and nothing is half published", async () => {
    const [first, second] = await pair();
    const longest = "š".repeat(4_096);
    const heard = follow(second.hub, longest);
    first.hub.publish(longest, "just fits");
    await until("the message", () => heard.length === 1);
    expect(() => follow(first.hub, `${longest}x`)).toThrow("4,096");
    expect(() => first.hub.publish(`${longest}x`, "no")).toThrow("4,096");
    const alone = new Hub(checkWebSocketSettings({}), checkTopicSettings({}));
    expect(() => alone.publish(`${longest}x`, "no")).toThrow("4,096");
  });

  test("empty ones, lone surrogates and 20 MB arrive; one above 64 MiB is dropped and counted", async () => {
    const [first, second] = await pair();
    const large = "š".repeat(10_000_000);
    for (const [index, text] of ["", "\ud800", large].entries()) {
      first.hub.publish("news", text);
      // One by one: the large one is more than the history of a topic keeps beside another.
      await until("the message", () => second.heard.length === index + 1, 20_000);
    }
    for (const text of ["x".repeat(70_000_000), "last"]) first.hub.publish("news", text);
    await until("the last", () => second.heard.at(-1) === "last", 20_000);
    expect(second.heard.map((text) => text.length)).toEqual([0, 1, large.length, 3, 4]);
    expect(first.exchange.dropped).toBe(1);
  });
});

test("nothing is lost of what is published in one turn, far more than is kept for a slow reader", async () => {
  const directory = makeDirectory();
  const first = await enter(directory, 0);
  const reader = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../support/counting-listener.ts"), directory, "1"],
    { stdout: "pipe" },
  );
  ends.push(() => reader.kill());
  const lines = reader.stdout.pipeThrough(new TextDecoderStream()).getReader();
  expect((await lines.read()).value).toBe("open\n");
  const message = "x".repeat(10_000);
  const count = 7_500;
  for (let sent = 0; sent < count; sent++) first.hub.publish("news", `${sent}:${message}`);
  first.hub.publish("news", "end");
  expect((await lines.read()).value).toBe(`${count} in order\n`);
  expect(first.exchange.dropped).toBe(0);
});

test("what is pending when a listener leaves still reaches the others", async () => {
  const [first, second] = await pair();
  const message = "x".repeat(100_000);
  for (let sent = 0; sent < 200; sent++) first.hub.publish("news", message);
  await first.exchange.close();
  await until("all of them", () => second.heard.length === 200, 10_000);
});

test("binary messages leave no gap in the text of a topic", async () => {
  const [first, second] = await pair();
  first.hub.publish("news", "one");
  first.hub.publish("news", new Uint8Array([1]));
  first.hub.publish("news", "two");
  await until("both", () => second.heard.length === 2 && first.heard.length === 2);
  const stop = new AbortController();
  ends.push(() => stop.abort());
  for (const { hub } of [first, second]) {
    const events = hub.follow("news", undefined, stop.signal)[Symbol.asyncIterator]();
    hub.publish("news", "three");
    const { value } = await events.next();
    const after = typeof value === "symbol" ? "" : (value?.id ?? "");
    const again = hub.follow("news", after.replace(/:\d+/, ":1"), stop.signal);
    const next = await again[Symbol.asyncIterator]().next();
    expect(typeof next.value).toBe("object");
  }
});

describe("presence", () => {
  test("of 10,000 sockets is told to whoever comes, once and in order", async () => {
    const directory = makeDirectory();
    const first = await enter(directory, 0);
    for (let index = 0; index < 10_000; index++)
      first.hub.presence.join("crowd", `${first.hub.name}-${index}`, { name: `guest ${index}` });
    const second = await enter(directory, 1);
    first.hub.presence.leave("crowd", `${first.hub.name}-77`);
    await until("the crowd", () => second.hub.presence.of("crowd").count === 9_999);
    expect(second.hub.presence.of("crowd")).toEqual(first.hub.presence.of("crowd"));
  });

  test("is right again after the other had stopped reading, and frames for it were dropped", async () => {
    const directory = makeDirectory();
    const first = await enter(directory, 0);
    const other = Bun.spawn(
      [process.execPath, join(import.meta.dir, "../support/counting-listener.ts"), directory, "1"],
      { stdout: "pipe" },
    );
    ends.push(() => other.kill());
    const lines = other.stdout.pipeThrough(new TextDecoderStream()).getReader();
    expect((await lines.read()).value).toBe("open\n");
    const id = (index: number) => `${first.hub.name}-${index}`;
    for (let index = 0; index < 10; index++) first.hub.presence.join("crowd", id(index), undefined);
    process.kill(other.pid, "SIGSTOP");
    // Until not even a small frame fits.
    for (const [index, size] of [1_000_000, 10_000, 100, 0].entries())
      while (first.exchange.dropped === index) first.hub.publish("bulk", new Uint8Array(size));
    for (let index = 0; index < 10; index += 2) first.hub.presence.leave("crowd", id(index));
    first.hub.presence.join("crowd", id(11), undefined);
    const dropped = first.exchange.dropped;
    process.kill(other.pid, "SIGCONT");
    // Answered by the other: whoever is present at its end when it is asked.
    const expected = [1, 3, 5, 7, 9, 11].map(id).toSorted().join(",");
    let answer = "";
    const read = (async () => {
      for (;;) {
        const { value, done } = await lines.read();
        if (done) return;
        answer = value.trim();
      }
    })();
    await until(
      () => `presence, it is ${answer}`,
      () => {
        first.hub.publish("ask", "crowd");
        return answer === expected;
      },
      10_000,
    );
    expect(dropped).toBe(10);
    other.kill();
    await read;
  });

  test("is what JSON makes of it, in every process; what has no JSON is refused before it counts", async () => {
    const [first, second] = await pair();
    const as = { at: new Date(0), gone: undefined };
    first.hub.presence.join("room", `${first.hub.name}-1`, as);
    const member = { id: `${first.hub.name}-1`, as: { at: "1970-01-01T00:00:00.000Z" } };
    await until("the member", () => second.hub.presence.of("room").count === 1);
    for (const { hub } of [first, second])
      expect(JSON.stringify(hub.presence.of("room").members)).toBe(JSON.stringify([member]));
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const wrong of [circle, 1n, () => {}])
      expect(() => first.hub.presence.join("room", "x-2", wrong)).toThrow(TypeError);
    expect(first.hub.presence.of("room").count).toBe(1);
  });
});

test("a receiver that throws does not cost its peer", async () => {
  const [first, second] = await pair();
  const deliver = second.hub.deliver.bind(second.hub);
  second.hub.deliver = (topic, payload, ...rest) => {
    if (payload === "fatal") throw new Error("a fault of the application");
    deliver(topic, payload, ...rest);
  };
  for (const text of ["before", "fatal", "after"]) first.hub.publish("news", text);
  await until("the last", () => second.heard.at(-1) === "after");
  first.hub.publish("news", "later");
  await until("a later one", () => second.heard.at(-1) === "later");
});

test("what is published before the listener has joined reaches its own, and breaks nothing", async () => {
  const directory = makeDirectory();
  const first = await enter(directory, 0);
  let early: string[] = [];
  const second = await enter(directory, 1, (hub) => {
    early = follow(hub, "news");
    hub.publish("news", "early");
  });
  second.hub.publish("news", "joined");
  await until("both", () => early.length === 2 && first.heard.at(-1) === "joined");
  expect(early).toEqual(["early", "joined"]);
});

test("a message that is published while a listener starts reaches it as soon as it has opened", async () => {
  const directory = makeDirectory();
  const first = await enter(directory, 0);
  let count = 0;
  const timer = setInterval(() => first.hub.publish("news", String(count++)), 0);
  ends.push(() => clearInterval(timer));
  const second = await enter(directory, 1);
  const opened = count;
  await until("some", () => second.heard.length > 20);
  const heard = second.heard.map(Number);
  expect(heard[0]).toBeLessThanOrEqual(opened);
  expect(heard).toEqual(heard.map((_, index) => heard[0]! + index));
});

describe("what was published before a listener came", () => {
  const replay = async (hub: Hub, after: string, count: number): Promise<string[]> => {
    const stop = new AbortController();
    const given: string[] = [];
    for await (const event of hub.follow("news", after, stop.signal)) {
      given.push(typeof event === "symbol" ? "gap" : event.data);
      if (given.length === count) break;
    }
    stop.abort();
    return given;
  };

  test("is there for streams that come back to it, whoever published, as soon as it has caught up", async () => {
    const [first, second] = await pair();
    const place = first.hub.placeOf("news")!;
    first.hub.publish("news", "one");
    second.hub.publish("news", "two ü");
    await until("both", () => first.heard.length + second.heard.length === 4);
    const directory = first.directory;
    await first.exchange.close();
    const third = await enter(directory, 2);
    await third.exchange.caughtUp();
    expect((await replay(third.hub, place, 2)).toSorted()).toEqual(["one", "two ü"]);
    expect(third.heard).toEqual([]);
  });

  test("is a gap where it is more than is sent", async () => {
    const [first, second] = await pair();
    const place = first.hub.placeOf("news")!;
    const large = "x".repeat(9 * 1_048_576);
    for (let count = 0; count < 2; count++) first.hub.publish("news", large);
    await until("both", () => second.heard.length === 2);
    const third = await enter(first.directory, 2);
    await third.exchange.caughtUp();
    first.hub.publish("news", "after");
    await until("what comes", () => third.heard.length === 1);
    expect(await replay(third.hub, place, 2)).toEqual(["gap", "after"]);
  });
});
