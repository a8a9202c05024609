/** The sending end: order, capacity, waiting, what is refused. One listener; memory of both cores, and Redis. */
import { describe, expect, test } from "bun:test";
import { t } from "robyn";
import { z } from "zod";
import { limits } from "../../src/limits.ts";
import { carriersOfFile } from "../support/carriers.ts";
import { testChannels } from "../support/channels.ts";
import { cores } from "../support/cores.ts";
import { until, within } from "../support/wait.ts";

describe.each(carriersOfFile())("%s: sending", (_, carrier) => {
  test("values arrive in the order in which they were sent, as they were", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<unknown>("events", { batch: 3 });
    const values = [1, "zwei", { three: [3, null] }, new Uint8Array([4, 0, 255]), "😀\u0000", ""];
    for (const value of values) await channel.send(value);
    await until("it to be counted", () => channel.stats().sent === 6);
    expect(channel.stats()).toMatchObject({ depth: 6, sent: 6, acknowledged: 0, consumed: false });
    const received: unknown[] = [];
    for await (const batch of channel) {
      expect(batch.length).toBe(3);
      received.push(...batch);
      if (received.length === values.length) void made.channels.stop(1_000);
    }
    expect(received).toEqual(values);
    await until("the acknowledgement", () => channel.stats().acknowledged === 6);
    expect(channel.stats()).toMatchObject({ depth: 0, sent: 6, acknowledged: 6, age: 0 });
  });

  test("the channel takes as many as its capacity, then trySend says no and send waits", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { capacity: 100, batch: 10 });
    let accepted = 0;
    while (channel.trySend(accepted)) accepted++;
    expect(accepted).toBe(100);
    const order: number[] = [];
    const waiting = [100, 101, 102].map((n) => channel.send(n).then(() => order.push(n)));
    expect(channel.stats()).toMatchObject({ depth: 100, waiting: 3 });
    const received: number[] = [];
    channel.consume((batch) => received.push(...batch));
    await within("the waiting sends", Promise.all(waiting));
    expect(order).toEqual([100, 101, 102]);
    await until("all messages", () => received.length === 103);
    expect(received).toEqual(Array.from({ length: 103 }, (_, n) => n));
    await until("the acknowledgement", () => channel.stats().depth === 0);
    expect(channel.stats().waiting).toBe(0);
  });

  test("trySend does not overtake sends that wait", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<string>("events", { capacity: 1 });
    await channel.send("first");
    const waiting = ["second", "third"].map((text) => channel.send(text));
    expect(channel.trySend("late")).toBe(false);
    const received: string[] = [];
    let accepted = false;
    channel.consume((batch) => {
      received.push(...batch);
      accepted ||= channel.trySend("late");
    });
    await within("the others", Promise.all(waiting));
    await until("room", () => accepted || (accepted = channel.trySend("late")));
    await until("all", () => received.length === 4);
    expect(received).toEqual(["first", "second", "third", "late"]);
  });

  test("a send that waits can be aborted; it was not sent then, and the others move up", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { capacity: 1 });
    await channel.send(0);
    const abort = new AbortController();
    const one = channel.send(1, { signal: abort.signal });
    const two = channel.send(2);
    abort.abort(new Error("enough"));
    expect(one).rejects.toThrow("enough");
    expect(channel.send(3, { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow(
      "before",
    );
    const received: number[] = [];
    channel.consume((batch) => received.push(...batch));
    await within("the second", two);
    await until("all", () => received.length === 2);
    expect(received).toEqual([0, 2]);
  });

  test("bytes may be used again by their owner at once", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<Uint8Array>("events", { capacity: 1 });
    const bytes = new Uint8Array([1]);
    await channel.send(bytes);
    bytes[0] = 2;
    const waits = channel.send(bytes);
    bytes[0] = 3;
    const received: number[] = [];
    channel.consume((batch) => received.push(...batch.map(([first = 0]) => first)));
    await within("the second", waits);
    await until("both", () => received.length === 2);
    expect(received).toEqual([1, 2]);
  });

  test("the longest message arrives, a longer one is refused and nothing else with it", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<string | Uint8Array>("events", {});
    const longest = "x".repeat(limits.channel_message_bytes_max - 2);
    await channel.send(longest);
    await channel.send(new Uint8Array(limits.channel_message_bytes_max));
    expect(channel.send(`${longest}x`)).rejects.toMatchObject({
      code: "ROBYN_CHANNEL_VALUE_INVALID",
    });
    expect(() => channel.trySend(new Uint8Array(limits.channel_message_bytes_max + 1))).toThrow(
      "larger than 262144 bytes",
    );
    // Fewer characters than bytes: the limit is of the bytes.
    expect(() => channel.trySend("ä".repeat(limits.channel_message_bytes_max / 2))).toThrow(
      "larger than",
    );
    const lengths: number[] = [];
    channel.consume((batch) => lengths.push(...batch.map((it) => it.length)));
    await until("both", () => lengths.length === 2);
    expect(lengths).toEqual([longest.length, limits.channel_message_bytes_max]);
  });

  test("its bytes are bounded as well as its messages", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<Uint8Array>("events", {});
    let accepted = 0;
    while (channel.trySend(new Uint8Array(200_000))) accepted++;
    expect(accepted).toBe(Math.floor(limits.channel_ring_bytes / 200_016));
  });

  test("bytes of any kind arrive as bytes", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<unknown>("events", {});
    const { buffer } = new Uint8Array([1, 2, 3, 4]);
    for (const value of [buffer, new DataView(buffer, 1, 2), new Uint16Array(buffer, 2, 1)])
      await channel.send(value);
    const received: unknown[] = [];
    channel.consume((batch) => received.push(...batch));
    await until("the messages", () => received.length === 3);
    expect(received).toEqual(
      [
        [1, 2, 3, 4],
        [2, 3],
        [3, 4],
      ].map((it) => new Uint8Array(it)),
    );
  });

  test("what JSON cannot say is refused", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<unknown>("events", {});
    expect(() => channel.trySend(() => 1)).toThrow("is function, which JSON cannot say");
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [undefined, circle, 1n])
      await expect(channel.send(value)).rejects.toMatchObject({
        code: "ROBYN_CHANNEL_VALUE_INVALID",
      });
    expect(channel.stats().sent).toBe(0);
  });

  test("a schema is asked on both sides", async () => {
    await using made = await carrier.open();
    const schema = t.Object({ id: t.Integer(), at: t.Date() });
    const channel = made.channels.create<{ id: number; at: Date }>("events", { schema });
    await channel.send({ id: 1, at: new Date(5), secret: "not declared" } as never);
    expect(channel.send({ id: "one" as never, at: new Date(0) })).rejects.toThrow(
      "/id must be integer",
    );
    const batches: unknown[] = [];
    channel.consume((batch) => batches.push(...batch));
    await until("the message", () => batches.length > 0);
    expect(batches).toEqual([{ id: 1, at: new Date(5) }]);
  });

  test("an asynchronous schema works with send, and trySend refuses it", async () => {
    await using made = await carrier.open();
    const schema = z.string().refine(async (text) => text !== "bad");
    const channel = made.channels.create<string>("events", { schema });
    await channel.send("good");
    expect(channel.send("bad")).rejects.toMatchObject({ code: "ROBYN_CHANNEL_VALUE_INVALID" });
    expect(() => channel.trySend("good")).toThrow("asynchronous");
    const received: string[] = [];
    channel.consume((batch) => received.push(...batch));
    await until("the message", () => received.length === 1);
  });

  test("what an asynchronous schema checks for longer is not overtaken, also by what it refuses", async () => {
    await using made = await carrier.open();
    const gates = new Map<string, PromiseWithResolvers<boolean>>();
    const gate = (text: string) => gates.getOrInsertComputed(text, () => Promise.withResolvers());
    const schema = z.string().refine(async (text) => await gate(text).promise);
    const channel = made.channels.create<string>("events", { schema });
    const sends = ["a", "b", "c", "d"].map((text) => channel.send(text));
    const settled = Promise.allSettled(sends);
    for (const text of ["d", "c", "a"]) gate(text).resolve(true);
    gate("b").resolve(false);
    expect((await settled).map(({ status }) => status === "fulfilled")).toEqual([
      ...[true, false, true, true],
    ]);
    const received: string[] = [];
    channel.consume((batch) => received.push(...batch));
    await until("the messages", () => received.length === 3);
    expect(received).toEqual(["a", "c", "d"]);
  });
});

describe("options", () => {
  test("are refused by name and by range", async () => {
    await using made = testChannels(cores[0]!);
    const create = (options: object, name = "events") => made.channels.create(name, options);
    expect(() => create({ size: 1 })).toThrow('unknown option "size"');
    expect(() => create({ capacity: 0 })).toThrow("a whole number from 1");
    expect(() => create({ batch: 1.5 })).toThrow("a whole number from 1");
    expect(() => create({ delay: -1 })).toThrow("a whole number from 0");
    expect(() => create({ schema: 7 })).toThrow("schema that is none");
    expect(() => create({}, "")).toThrow("a text of 1 to 128 bytes");
    expect(() => create({}, "ä".repeat(65))).toThrow("a text of 1 to 128 bytes");
    create({});
    expect(() => create({})).toThrow("called twice");
    const other = create({}, "other");
    expect(() => other.consume(() => {}, { retries: 1 } as object)).toThrow('option "retries"');
    expect(() => other.consume(() => {}, { attempts: 0 })).toThrow("attempts 0");
  });
});
