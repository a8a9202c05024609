/** The receiving end: batches, acknowledgement, redelivery, stopping. One listener; memory of both cores, and Redis. */
import { describe, expect, test } from "bun:test";
import { carriersOfFile } from "../support/carriers.ts";
import { gate } from "../support/channels.ts";
import { until, within } from "../support/wait.ts";

describe.each(carriersOfFile())("%s: consuming", (_, carrier) => {
  test("a batch is as large as asked for, if so much is there", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 40 });
    for (let n = 0; n < 100; n++) await channel.send(n);
    await until("them to lie where they are received", () => channel.stats().sent === 100);
    const sizes: number[] = [];
    channel.consume((batch) => sizes.push(batch.length));
    await until("all", () => channel.stats().acknowledged === 100);
    expect(sizes).toEqual([40, 40, 20]);
  });

  test("larger batches than one copy holds are put together", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<Uint8Array>("events", { batch: 9 });
    for (let n = 0; n < 9; n++) await channel.send(new Uint8Array(200_000).fill(n));
    const firsts: (number | undefined)[][] = [];
    channel.consume((batch) => firsts.push(batch.map((bytes) => bytes.at(-1))));
    await until("all", () => channel.stats().acknowledged === 9);
    expect(firsts).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  test("a delay gathers what comes one by one, and ends early when the batch is full", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 5, delay: 60_000 });
    const batches: number[][] = [];
    channel.consume((batch) => batches.push(batch));
    for (let n = 0; n < 10; n++) {
      await channel.send(n);
      await Bun.sleep(1);
    }
    await until("both batches", () => batches.length === 2);
    expect(batches).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ]);
  });

  test("a batch that does not fill is handed out after the delay", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 5, delay: 30 });
    const start = performance.now();
    const waited: number[] = [];
    channel.consume(() => waited.push(performance.now() - start));
    await channel.send(1);
    await until("the batch", () => waited.length === 1);
    expect(waited[0]).toBeGreaterThanOrEqual(29);
  });

  test("a batch is acknowledged when the next one is asked for, and not when the loop is left", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 2 });
    for (let n = 0; n < 6; n++) await channel.send(n);
    const seen: number[][] = [];
    const leave = async () => {
      for await (const batch of channel) {
        seen.push(batch);
        const expected = seen.length === 1 ? 0 : 2;
        await until("what was acknowledged", () => channel.stats().acknowledged === expected);
        if (seen.length === 2) throw new Error("no more");
      }
    };
    let reason = "";
    await leave().catch((error: Error) => (reason = error.message));
    expect(reason).toBe("no more");
    await until("the end of the loop", () => !channel.stats().consumed);
    expect(channel.stats().depth).toBe(4);
    for await (const batch of channel) {
      seen.push(batch);
      if (seen.length === 3) break;
    }
    for await (const batch of channel) {
      seen.push(batch);
      if (seen.length === 5) void made.channels.stop(1_000);
    }
    expect(seen).toEqual([
      [0, 1],
      [2, 3],
      [2, 3],
      [2, 3],
      [4, 5],
    ]);
    await until("the last acknowledgement", () => channel.stats().depth === 0);
    await until("nobody to consume", () => !channel.stats().consumed);
  });

  test("a batch whose handler rejects comes again, with fresh values, until it succeeds", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<{ n: number }>("events", { batch: 2 });
    for (let n = 0; n < 4; n++) await channel.send({ n });
    const seen: number[][] = [];
    channel.consume((batch) => {
      seen.push(batch.map(({ n }) => n));
      for (const value of batch) value.n = -1;
      if (seen.length < 3) throw new Error(`failure ${seen.length}`);
    });
    await until("all", () => channel.stats().acknowledged === 4);
    expect(seen).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
      [2, 3],
    ]);
    expect(made.log.errors()).toContain("attempt 1 at a batch of 2 messages failed");
    expect(made.log.errors()).toContain("failure 2");
  });

  test("attempts can be limited; the batch is given up then, and the log says so", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 1 });
    const seen: number[] = [];
    channel.consume(
      (batch) => {
        seen.push(...batch);
        if (batch[0] === 1) throw new Error("poison");
      },
      { attempts: 2 },
    );
    for (let n = 0; n < 3; n++) await channel.send(n);
    await until("all", () => channel.stats().acknowledged === 3);
    expect(seen).toEqual([0, 1, 1, 2]);
    expect(made.log.errors()).toContain("it is given up");
  });

  test("what no longer fits is left out and logged, the rest of the batch goes on", async () => {
    await using made = await carrier.open();
    // As an older version of the code sent it: without this schema.
    const port = made.segment.openChannel("plain", 10);
    port.send("not json");
    port.send('{"n":1}');
    expect(port.lease()).toBe(true);
    const messages = port.take(10);
    const { Codec } = await import("../../src/channel/codec.ts");
    const { t } = await import("robyn");
    const codec = new Codec("plain", t.Object({ n: t.Integer() }));
    expect(await codec.decode([...messages, '{"n":"2"}'], made.log)).toEqual([{ n: 1 }]);
    expect(made.log.errors()).toContain("it is no JSON");
    expect(made.log.errors()).toContain("/n must be integer");
    port.release();
  });

  test("who sleeps is woken by the message, not by its slow poll", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { capacity: 1 });
    let received = -1;
    channel.consume(([n = -1]) => (received = n));
    const begin = performance.now();
    for (let n = 0; n < 100; n++) {
      await channel.send(n);
      while (received !== n) await new Promise((resolve) => setImmediate(resolve));
    }
    // A hundred polls would take 25 s; a doorbell takes microseconds.
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("one listener consumes a channel once", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", {});
    channel.consume(() => {});
    expect(() => channel.consume(() => {})).toThrow("consumed in this process already");
    expect(channel[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "ROBYN_CHANNEL_BUSY",
    });
  });

  test("stopping finishes the batch; what is left is kept, or finished where nobody could take over", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 2 });
    for (let n = 0; n < 7; n++) await channel.send(n);
    const { opened, open } = gate();
    const seen: number[] = [];
    channel.consume(async (batch) => {
      await opened;
      seen.push(...batch);
    });
    await until("the consumer", () => channel.stats().consumed);
    const stopped = made.channels.stop(4_000);
    open();
    await within("the end", stopped);
    expect(seen).toEqual(carrier.keeps ? [0, 1] : [0, 1, 2, 3, 4, 5, 6]);
    await until("the end to be known", () => !channel.stats().consumed);
    expect(channel.stats().depth).toBe(7 - seen.length);
    if (!carrier.keeps) return;
    channel.consume((batch) => seen.push(...batch));
    await until("the rest", () => channel.stats().depth === 0);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await made.channels.stop(4_000);
  });

  test("stopping gives a failing batch one more attempt, keeps it, and says so", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", {});
    let attempts = 0;
    channel.consume(() => {
      attempts++;
      throw new Error("always");
    });
    await channel.send(1);
    await until("the first attempt", () => attempts === 1);
    await within("the end", made.channels.stop(4_000));
    expect(attempts).toBe(2);
    await until("the end to be known", () => !channel.stats().consumed);
    expect(channel.stats().depth).toBe(1);
    expect(made.log.errors()).toContain("stopped with 1 messages");
  });

  test("a handler that never ends does not keep the rest from stopping", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", {});
    const { opened, open } = gate();
    channel.consume(() => opened);
    await channel.send(1);
    await until("the consumer", () => channel.stats().consumed);
    await within("the end", made.channels.stop(20));
    expect(made.log.records.at(-1)?.message).toBe(
      'channels did not finish within 20 ms: the consumer of "events" is at work',
    );
    open();
  });

  test("a channel that is never empty leaves room for everything else", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", { batch: 1, capacity: 10 });
    let over = false;
    channel.consume(() => {
      if (!over) void channel.send(1);
    });
    await channel.send(0);
    // Timers run although there is always another batch.
    await Bun.sleep(5);
    expect(channel.stats().acknowledged).toBeGreaterThan(1);
    over = true;
  });

  test("the age is how long the oldest message has waited", async () => {
    await using made = await carrier.open();
    const channel = made.channels.create<number>("events", {});
    expect(channel.stats().age).toBe(0);
    await channel.send(1);
    const begin = performance.now();
    await until("some time", () => channel.stats().age > 5);
    expect(channel.stats().age).toBeLessThan(performance.now() - begin + 50);
    expect(made.channels.collect()).toMatchObject([{ name: "events", depth: 1, capacity: 10_000 }]);
  });
});
