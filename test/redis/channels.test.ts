/** Channels of several clusters: one consumer for all, nothing lost between the memory of a cluster and Redis. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { RedisOptions } from "../../src/redis/index.ts";
import { joinedChannels } from "../support/channels.ts";
import { cores } from "../support/cores.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(40_000);
const patience_ms = 15_000;
const core = cores[0]!;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.skipIf(!hasRedis)("channels of several clusters", () => {
  let server: RedisServer;
  let prefixes = 0;
  beforeAll(async () => void (server = await RedisServer.start()));
  afterAll(() => server?.[Symbol.asyncDispose]());
  const open = (options: RedisOptions = {}) => joinedChannels(core, server.url, options);
  const ownPrefix = () => `channels${prefixes++}`;

  test("have one consumer for all; when it stops another goes on at once, without a repetition", async () => {
    const options = { prefix: ownPrefix(), heartbeat: 2_000 };
    await using one = await open(options);
    await using two = await open(options);
    const [here, there] = [one, two].map(({ channels }) =>
      channels.create<[string, number]>("jobs", { batch: 10 }),
    );
    const handled: string[] = [];
    const seen: [string, number][] = [];
    here!.consume((batch) => {
      for (const value of batch) seen.push(value);
      handled.push(...batch.map(() => "here"));
    });
    await until("the consumer", () => here!.stats().consumed);
    there!.consume((batch) => {
      for (const value of batch) seen.push(value);
      handled.push(...batch.map(() => "there"));
    });
    const send = async (from: number) => {
      for (let n = from; n < from + 200; n++) {
        await here!.send(["here", n]);
        await there!.send(["there", n]);
      }
    };
    await send(0);
    await until("the first", () => seen.length === 400);
    expect(new Set(handled)).toEqual(new Set(["here"]));
    const stopped = performance.now();
    await one.channels.stop(5_000);
    for (let n = 200; n < 400; n++) await there!.send(["there", n]);
    await until("the rest", () => seen.length === 600);
    // The lease of one that died would be waited for eight seconds.
    expect(performance.now() - stopped).toBeLessThan(4_000);
    expect(new Set(handled.slice(400))).toEqual(new Set(["there"]));
    for (const [who, count] of [
      ["here", 200],
      ["there", 400],
    ] as const)
      expect(seen.filter(([name]) => name === who).map(([, n]) => n)).toEqual(numbers(count));
  });

  test("wake who sleeps at once, in both directions", async () => {
    const options = { prefix: ownPrefix(), heartbeat: 10_000 };
    await using one = await open(options);
    await using two = await open(options);
    const there = [one, two].map(({ channels }) => channels.create<number>("there", {}));
    const back = [one, two].map(({ channels }) => channels.create<number>("back", { capacity: 1 }));
    there[1]!.consume(async (batch) => {
      for (const n of batch) await back[1]!.send(n);
    });
    let last = 0;
    back[0]!.consume((batch) => (last = batch.at(-1) ?? last));
    const begin = performance.now();
    for (let n = 1; n <= 300; n++) {
      await there[0]!.send(n);
      await until(`the answer to ${n}`, () => last === n);
    }
    // One wake-up that got lost would be ten seconds.
    expect(performance.now() - begin).toBeLessThan(9_000);
  });

  test("hold what nobody consumes, up to the capacity; senders wait then, and go on", async () => {
    const options = { prefix: ownPrefix() };
    await using one = await open(options);
    await using two = await open(options);
    const [here, there] = [one, two].map(({ channels }) =>
      channels.create<number>("jobs", { capacity: 100, batch: 10 }),
    );
    let accepted = 0;
    const sending = (async () => {
      for (const n of numbers(500)) {
        await here!.send(n);
        accepted++;
      }
    })();
    // A hundred in Redis, and a hundred in the memory of the cluster.
    await until("both to be full", () => accepted === 200 && here!.stats().depth === 200);
    await until("the other to know", () => there!.stats().depth === 100);
    expect(here!.trySend(1_000)).toBe(false);
    expect(await server.ask("XLEN", `${options.prefix}:channel:jobs`)).toBe(100);
    const seen: number[] = [];
    there!.consume((batch) => seen.push(...batch));
    await sending;
    await until("all", () => seen.length === 500);
    expect(seen).toEqual(numbers(500));
    await until("it to be counted", () => here!.stats().acknowledged === 500);
    expect(here!.stats()).toMatchObject({ sent: 500, depth: 0, age: 0, consumed: true });
  });

  test("lose and repeat nothing when connections are cut at any moment", async () => {
    const options = { prefix: ownPrefix(), timeout: 500 };
    await using one = await open(options);
    await using two = await open(options);
    const here = one.channels.create<number>("jobs", { capacity: 200 });
    const there = two.channels.create<number>("jobs", { capacity: 200, batch: 20 });
    const seen: number[] = [];
    let last = -1;
    there.consume(async (batch) => {
      await Bun.sleep(1);
      seen.push(...batch);
      last = batch.at(-1) ?? last;
    });
    let isSending = true;
    const sending = (async () => {
      for (const n of numbers(2_000)) await here.send(n);
      isSending = false;
    })();
    for (let cut = 0; isSending; cut++) {
      const before = last;
      await until("some progress", () => last > before || !isSending, patience_ms);
      await server.ask("CLIENT", "KILL", "TYPE", cut % 2 === 0 ? "normal" : "pubsub");
    }
    await sending;
    await until(
      () => `all, ${last}`,
      () => last === 1_999,
      patience_ms,
    );
    // A batch that was handled, but could not be acknowledged by the connection that is gone, is by the next one.
    expect(seen).toEqual(numbers(2_000));
  });

  test("lose and repeat nothing when Redis is killed that writes to disk before it answers", async () => {
    const flags = ["--appendonly", "yes", "--appendfsync", "always"];
    await using lasting = await RedisServer.start("127.0.0.1", flags);
    const options = { prefix: ownPrefix() };
    await using one = await joinedChannels(core, lasting.url, options);
    await using two = await joinedChannels(core, lasting.url, options);
    const here = one.channels.create<number>("jobs", { capacity: 100 });
    const there = two.channels.create<number>("jobs", { capacity: 100, batch: 20 });
    const seen: number[] = [];
    there.consume((batch) => seen.push(...batch));
    const sending = (async () => {
      for (const n of numbers(3_000)) await here.send(n);
    })();
    for (let kill = 0; kill < 3; kill++) {
      const before = seen.length;
      await until("some progress", () => seen.length > before + 100, patience_ms);
      await lasting.kill();
      await lasting.begin();
    }
    await sending;
    await until("all", () => seen.at(-1) === 2_999, patience_ms);
    expect(seen).toEqual(numbers(3_000));
  });

  test("wait for a Redis that is silent, and go on where they were", async () => {
    const options = { prefix: ownPrefix(), timeout: 300 };
    await using silent = await RedisServer.start();
    await using one = await joinedChannels(core, silent.url, options);
    await using two = await joinedChannels(core, silent.url, options);
    const here = one.channels.create<number>("jobs", { capacity: 50 });
    const there = two.channels.create<number>("jobs", { capacity: 50, batch: 5 });
    const seen: number[] = [];
    there.consume(async (batch) => {
      await Bun.sleep(1);
      seen.push(...batch);
    });
    const sending = (async () => {
      for (const n of numbers(600)) await here.send(n);
    })();
    // Shorter than a connection and a lease last, and longer.
    for (const silence_ms of [150, 1_000]) {
      const before = seen.length;
      await until("some progress", () => seen.length > before + 50, patience_ms);
      silent.pause();
      await Bun.sleep(silence_ms);
      expect(here.stats().depth).toBeGreaterThan(0);
      silent.resume();
    }
    await sending;
    await until("all", () => seen.at(-1) === 599, patience_ms);
    expect(seen).toEqual(numbers(600));
  });

  test("go on after Redis has lost everything: only what lay there is lost", async () => {
    const options = { prefix: ownPrefix() };
    await using lossy = await RedisServer.start();
    await using one = await joinedChannels(core, lossy.url, options);
    await using two = await joinedChannels(core, lossy.url, options);
    const here = one.channels.create<number>("jobs", { capacity: 100 });
    const there = two.channels.create<number>("jobs", { capacity: 100, batch: 10 });
    const accepted: Promise<void>[] = [];
    for (const n of numbers(150)) accepted.push(here.send(n));
    await until("Redis to be full", () => there.stats().depth === 100);
    await lossy.kill();
    await until("the loss to be seen", () => !one.joined.counts().connected);
    for (const n of numbers(50)) accepted.push(here.send(150 + n));
    const seen: number[] = [];
    there.consume((batch) => seen.push(...batch));
    await lossy.begin();
    await Promise.all(accepted);
    await until("the rest", () => seen.at(-1) === 199, patience_ms);
    expect(seen).toEqual(numbers(200).slice(100));
    // And when somebody deletes the stream, or empties it, under the hands of a consumer.
    await lossy.ask("DEL", `${options.prefix}:channel:jobs`);
    await here.send(200);
    await until("one more", () => seen.at(-1) === 200, patience_ms);
    await lossy.ask("FLUSHALL");
    await here.send(201);
    await until("another one", () => seen.at(-1) === 201, patience_ms);
    expect(seen).toHaveLength(102);
  });

  test("of which what was handed out and deleted by hand is skipped", async () => {
    const options = { prefix: ownPrefix() };
    const first = await open(options);
    const early = first.channels.create<number>("jobs", { batch: 5 });
    for (const n of numbers(10)) await early.send(n);
    for await (const batch of early) if (batch.length > 0) break;
    await first.channels.stop(1_000);
    await first.joined.close();
    const stream = `${options.prefix}:channel:jobs`;
    const pending = async () => Array(await server.ask("XPENDING", stream, "robyn")).flat()[0];
    expect(await pending()).toBe(10);
    await server.ask("XTRIM", stream, "MAXLEN", "7");
    await using second = await open(options);
    const late = second.channels.create<number>("jobs", { batch: 5 });
    const seen: number[] = [];
    late.consume((batch) => seen.push(...batch));
    await until("what is left", () => late.stats().depth === 0 && seen.length === 7);
    expect(seen).toEqual(numbers(10).slice(3));
    expect(await pending()).toBe(0);
  });

  test("are emptied although Redis has no memory left, and say once why nothing moves", async () => {
    const options = { prefix: ownPrefix() };
    await using full = await RedisServer.start();
    await using one = await joinedChannels(core, full.url, options);
    const channel = one.channels.create<Uint8Array>("jobs", { batch: 10 });
    await channel.send(new Uint8Array(200_000));
    await until("the first to lie there", () => channel.stats().sent === 1);
    const info = String(await full.ask("INFO", "memory"));
    const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
    await full.ask("CONFIG", "SET", "maxmemory", String(used + 3_000_000));
    let accepted = 1;
    while (accepted < 30) {
      if (!channel.trySend(new Uint8Array(200_000))) await Bun.sleep(1);
      else accepted++;
      if (one.log.records.some(({ message }) => message.includes("nothing moves"))) break;
    }
    await until("the warning", () => /OOM/.test(one.log.records.at(-1)?.message ?? ""));
    let seen = 0;
    channel.consume((batch) => (seen += batch.length));
    await until("all", () => seen === accepted && channel.stats().depth === 0, patience_ms);
    const warnings = one.log.records.filter(({ message }) => message.includes("nothing moves"));
    expect(warnings.length).toBeWithin(1, 3);
  });

  test("ask nobody again and again while there is nothing to do", async () => {
    await using quiet = await RedisServer.start();
    const options = { prefix: ownPrefix(), heartbeat: 1_000 };
    await using one = await joinedChannels(core, quiet.url, options);
    await using two = await joinedChannels(core, quiet.url, options);
    const here = one.channels.create<number>("jobs", {});
    let seen = 0;
    two.channels.create<number>("jobs", {}).consume((batch) => (seen += batch.length));
    const calls = async () =>
      Number(
        /cmdstat_evalsha:calls=(\d+)/.exec(String(await quiet.ask("INFO", "commandstats")))?.[1],
      );
    await here.send(1);
    await until("the first", () => seen === 1);
    const before = await calls();
    const begin = performance.now();
    await Bun.sleep(1_000);
    // With each sign of life, each of the two looks once.
    const beats = Math.ceil((performance.now() - begin) / 1_000) + 1;
    expect((await calls()) - before).toBeLessThanOrEqual(2 * beats + 2);
    // And yet what is sent arrives at once.
    const sent = performance.now();
    await here.send(2);
    await until("the second", () => seen === 2);
    expect(performance.now() - sent).toBeLessThan(500);
  });

  test("hand over what was sent before they stop, and say what they could not", async () => {
    const options = { prefix: ownPrefix() };
    const one = await open(options);
    const channel = one.channels.create<number>("jobs", { capacity: 10 });
    for (const n of numbers(10)) await channel.send(n);
    await one.channels.stop(5_000);
    expect(await server.ask("XLEN", `${options.prefix}:channel:jobs`)).toBe(10);
    await one.joined.close();
    const two = await open(options);
    const full = two.channels.create<number>("jobs", { capacity: 10 });
    await until("it to be known", () => full.stats().depth === 10);
    await full.send(10);
    await two.channels.stop(50);
    expect(two.log.records.at(-1)?.message).toContain(
      `1 messages of "jobs" could not be handed over`,
    );
    await two.joined.close();
  });
});
