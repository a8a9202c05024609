/** The parts of the client that need no server. */
import { describe, expect, test } from "bun:test";
import { createClient } from "robyn/client";
import { Backoff, isFinal, overloaded } from "../../src/client/backoff.ts";
import { EventParser } from "../../src/client/event-parser.ts";
import { Inbox } from "../../src/client/inbox.ts";
import { Ledger } from "../../src/client/ledger.ts";
import { reconnectOf } from "../../src/client/options.ts";
import { Queue, type QueueLimits } from "../../src/client/queue.ts";
import { Address, withQuery } from "../../src/client/url.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

describe("the wait before the next attempt", () => {
  test("is a random part of a time that doubles up to the limit", () => {
    const most = new Backoff(reconnectOf({ first: 0.5, most: 8 }), () => 1);
    expect(Array.from({ length: 7 }, () => most.next())).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000,
    ]);
    const half = new Backoff(reconnectOf({ first: 1, most: 30 }), () => 0.5);
    expect([half.next(), half.next(), half.next()]).toEqual([500, 1_000, 2_000]);
    const none = new Backoff(reconnectOf({}), () => 0);
    expect([none.next(), none.next()]).toEqual([0, 0]);
  });

  test("does not overflow, and begins anew after success", () => {
    const backoff = new Backoff(reconnectOf({ first: 1, most: 30 }), () => 1);
    for (let index = 0; index < 5_000; index++) backoff.next();
    expect(backoff.next()).toBe(30_000);
    backoff.reset();
    expect([backoff.next(), backoff.failures]).toEqual([1_000, 1]);
  });

  test("is longer at once where the server has too much to do", () => {
    const backoff = new Backoff(reconnectOf({ first: 0.5, most: 30 }), () => 1);
    expect([backoff.next(overloaded), backoff.next()]).toEqual([8_000, 1_000]);
  });

  test("ends with the attempts", () => {
    const backoff = new Backoff(reconnectOf({ attempts: 2 }), () => 1);
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([500, 1_000, undefined]);
    expect(new Backoff(reconnectOf(false), () => 1).next()).toBeUndefined();
  });

  test("spreads clients over the whole time", () => {
    const seed = seedOfRun();
    const random = createRandom(seed);
    const waits = Array.from({ length: 1_000 }, () => {
      const backoff = new Backoff(reconnectOf({ first: 10 }), () => random.below(1e6) / 1e6);
      return backoff.next() ?? Number.NaN;
    });
    // Each tenth of the time gets 100 of 1,000; 40 is more than six standard deviations below.
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = waits.filter((it) => Math.floor(it / 1_000) === tenth).length;
      expect({ seed, tenth, enough: inside > 40 }).toEqual({ seed, tenth, enough: true });
    }
  });

  test("does not exist after closes that mean never again", () => {
    const codes = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013];
    expect(codes.filter(isFinal)).toEqual([1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010]);
    expect([3000, 4000, 4999].some(isFinal)).toBe(false);
  });
});

describe("the queue", () => {
  function queue(limits: Partial<QueueLimits>) {
    const dropped: string[] = [];
    const it = new Queue<string>(
      { messages: 10, bytes: 100, full: "drop-oldest", ...limits },
      (message) => dropped.push(message),
    );
    const take = () => {
      const taken: string[] = [];
      for (let next = it.shift(); next !== undefined; next = it.shift()) taken.push(next.message);
      return taken;
    };
    return { push: (text: string) => it.push(text, text), take, dropped };
  }

  test("keeps order, and lets the oldest go when it is full", () => {
    const { push, take, dropped } = queue({ messages: 3 });
    expect(["a", "b", "c", "d", "e"].map(push)).toEqual([true, true, true, true, true]);
    expect({ dropped, left: take() }).toEqual({ dropped: ["a", "b"], left: ["c", "d", "e"] });
  });

  test("or refuses the new one", () => {
    const { push, take, dropped } = queue({ messages: 2, full: "reject" });
    expect(["a", "b", "c"].map(push)).toEqual([true, true, false]);
    expect({ dropped, left: take() }).toEqual({ dropped: [], left: ["a", "b"] });
  });

  test("counts bytes, not characters", () => {
    const { push, take, dropped } = queue({ bytes: 6 });
    expect(["éé", "é", "é", "x".repeat(7)].map(push)).toEqual([true, true, true, false]);
    // What has no room at all makes nothing else go.
    expect({ dropped, left: take() }).toEqual({ dropped: ["éé"], left: ["é", "é"] });
  });

  test("is a list of the last ones, whatever is done with it", () => {
    const random = createRandom(seedOfRun());
    const it = new Queue<number>({ messages: 50, bytes: 1e6, full: "drop-oldest" }, () => {});
    let model: number[] = [];
    for (let index = 0; index < 20_000; index++) {
      if (random.chance(55)) {
        it.push(index, String(index));
        model = [...model, index].slice(-50);
      } else expect(it.shift()?.message).toBe(model.shift());
      expect(it.length).toBe(model.length);
    }
  });
});

describe("what was under way when a server went away", () => {
  const waiting = (message: number) => ({ message, payload: String(message) });
  const going = (taken: number | string) => `the server is going away, received ${taken}`;

  function handed(limits: Partial<QueueLimits> = {}) {
    const ledger = new Ledger<number>({ messages: 9, bytes: 99, full: "reject", ...limits });
    ledger.add(undefined);
    for (const message of [1, 2, 3]) ledger.add(waiting(message));
    return ledger;
  }

  test("is what it did not count, without what belonged to the connection", () => {
    const after = (code: number, reason: string) =>
      handed()
        .close(code, reason)
        .map(({ message }) => message);
    expect(after(1001, going(2))).toEqual([2, 3]);
    expect(after(1001, going(0))).toEqual([1, 2, 3]);
    expect(after(1001, going(4))).toEqual([]);
    expect(after(1001, going(5))).toEqual([]);
    expect(after(1001, going("1e1"))).toEqual([]);
    expect(after(1001, "the server is going away")).toEqual([]);
    expect(after(1006, going(0))).toEqual([]);
  });

  test("is known within limits, and begins anew with every connection", () => {
    const messages = (entries: readonly { message: number }[]) => entries.map((it) => it.message);
    expect(messages(handed({ messages: 2 }).close(1001, going(0)))).toEqual([2, 3]);
    expect(messages(handed({ bytes: 1 }).close(1001, going(0)))).toEqual([3]);
    const ledger = handed();
    ledger.close(1006, "");
    ledger.add(waiting(4));
    expect(messages(ledger.close(1001, going(0)))).toEqual([4]);
    const queue = new Queue<number>({ messages: 3, bytes: 9, full: "reject" }, () => {});
    queue.push(6, "6");
    queue.putBack([waiting(4), waiting(5)]);
    expect(queue.push(7, "7")).toBe(false);
    expect([queue.shift(), queue.shift(), queue.shift()].map((it) => it?.message)).toEqual([
      4, 5, 6,
    ]);
  });
});

describe("the messages of a reader", () => {
  test("wait for it in order, end, and fail above the limit after what was kept", async () => {
    const inbox = new Inbox<number>(2, () => {});
    const early = inbox.next();
    for (const message of [1, 2, 3, 4]) inbox.push(message);
    expect(await early).toEqual({ value: 1, done: false });
    expect([await inbox.next(), await inbox.next()]).toEqual([
      { value: 2, done: false },
      { value: 3, done: false },
    ]);
    await expect(inbox.next()).rejects.toThrow("more than 2 messages");
    expect(await inbox.next()).toEqual({ value: undefined, done: true });
  });
});

describe("the address", () => {
  const at = (base: string) => new Address(base);

  test("takes parameters as the server decodes them", () => {
    const url = at("https://example.com/base/").socket("/a/:b/*rest", { b: "ä/?#", rest: "x/y z" });
    expect(url.href).toBe("wss://example.com/base/a/%C3%A4%2F%3F%23/x/y%20z");
    expect(at("ws://localhost:81").http("/files/*", {}).href).toBe("http://localhost:81/files/");
    expect(at("http://localhost").socket("//evil.example/", {}).host).toBe("localhost");
  });

  test("refuses parameters that would make it another one", () => {
    for (const room of ["", ".", ".."])
      expect(() => at("http://localhost").socket("/a/:room", { room })).toThrow(TypeError);
    expect(() => at("http://localhost").socket("/a/:room", {})).toThrow('"room" of /a/:room');
    expect(() => at("http://localhost").socket("/a/*rest", { rest: "b/../c" })).toThrow(TypeError);
    const inherited = () => at("http://localhost").socket("/a/:constructor", {});
    expect(inherited).toThrow(TypeError);
  });

  test("takes a query: lists repeat, undefined is left out", () => {
    const url = at("http://localhost").http("/a?b=1", {});
    const query = { c: [1, "ä&"], d: undefined, e: null, f: false };
    expect(withQuery(url, query)).toBe("http://localhost/a?b=1&c=1&c=%C3%A4%26&f=false");
  });

  test("of the server is needed outside of pages", () => {
    expect(() => createClient()).toThrow("outside of pages");
    expect(() => createClient("/here")).toThrow(TypeError);
    expect(() => createClient("ftp://example.com")).toThrow("neither http: nor ws:");
  });
});

describe("options", () => {
  const client = createClient("http://127.0.0.1:1");
  const connect = (options: object) => () => client.connect("/", options).close();

  test("that do not exist are refused by name", () => {
    expect(connect({ reconect: false })).toThrow('no option "reconect"');
    expect(connect({ queue: { size: 1 } })).toThrow('no option "size"');
    expect(connect({ reconnect: { max: 1 } })).toThrow('no option "max"');
    expect(connect({ heartbeat: { every: 1 } })).toThrow('no option "every"');
    const mistyped: object = { retry: 1 };
    expect(() => client.events("/", mistyped)).toThrow('no option "retry"');
  });

  test("of another kind are refused", () => {
    expect(connect({ queue: { messages: 0 } })).toThrow(RangeError);
    expect(connect({ queue: { full: "grow" } })).toThrow(TypeError);
    expect(connect({ reconnect: { first: -1 } })).toThrow(RangeError);
    expect(connect({ timeout: 1e9 })).toThrow(RangeError);
    expect(connect({ raw: "in" })).toThrow(TypeError);
    expect(() => client.events("/", { timeout: 0 })).toThrow(RangeError);
  });
});

describe("an event stream", () => {
  const stream = [
    "\uFEFF: comment\n\n",
    "data: one\n\n",
    "id: 7\nevent: named\ndata:two\ndata:  lines\n\n",
    "retry: 250\n\n",
    "retry: 2x\nid\n\n",
    "id: ä8\ndata\n\n",
    'id: a\0b\ndata: {"x":1}\nunknown: field\n\n',
    "data: never complete",
  ].join("");
  const expected = [
    { event: "message", data: "one", id: "" },
    { event: "named", data: "two\n lines", id: "7" },
    { event: "message", data: "", id: "ä8" },
    { event: "message", data: '{"x":1}', id: "ä8" },
  ];

  test.each([
    ["LF", stream],
    ["CR LF", stream.replaceAll("\n", "\r\n")],
    ["CR", stream.replaceAll("\n", "\r")],
  ])("is the same with lines that end with %s, cut anywhere", (_, text) => {
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 2, 3, 7, bytes.length]) {
      const parser = new EventParser("", 1_000);
      const events = [];
      for (let at = 0; at < bytes.length; at += size)
        events.push(...parser.push(bytes.slice(at, at + size)));
      expect({ size, events, retry: parser.retry }).toEqual({ size, events: expected, retry: 250 });
    }
  });

  test("without an end is given up", () => {
    const parser = new EventParser("", 1_000);
    const push = (text: string) => [...parser.push(new TextEncoder().encode(text))];
    for (let index = 0; index < 9; index++) push(`data: ${"x".repeat(90)}\n`);
    expect(() => push("data: ".padEnd(200, "x"))).toThrow("more than 1000 characters");
  });
});
