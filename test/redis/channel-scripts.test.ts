/** What late and repeated commands do to a channel in Redis: the steps of its scripts, one by one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { append, keysOf, look, receive } from "../../src/redis/channel-scripts.ts";
import type { Script } from "../../src/redis/script.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";

const expiry_ms = 60_000;

describe.skipIf(!hasRedis)("a channel in Redis", () => {
  let server: RedisServer;
  let client: RedisClient;
  beforeAll(async () => {
    server = await RedisServer.start();
    client = new RedisClient(server.url, { autoReconnect: false });
    await client.connect();
  });
  beforeEach(() => client.send("FLUSHALL", []));
  afterAll(async () => {
    client?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const keys = keysOf("p", "cluster", "jobs");
  const { stream, lease, state, waiting, from } = keys;
  async function run(script: Script, names: string[], args: string[]): Promise<unknown[]> {
    const ask = (command: string, given: string[]) => client.send(command, given);
    return Array(await script.run({ ask }, names, args)).flat();
  }
  /** Messages as origin and number. @returns how many are kept */
  const handOver = async (messages: readonly [number, number][], capacity = 100) => {
    const fields = messages.flatMap(([origin, n]) => [`${origin}`, `${n}`, "t", `${origin}:${n}`]);
    const args = [String(capacity), String(expiry_ms), "inbox", "ring", ...fields];
    return (await run(append, [stream, lease, state, waiting, from], args))[0];
  };
  interface Asked {
    who?: string;
    epoch?: number;
    expiry?: number;
    from?: string;
    done?: readonly string[];
  }
  const ask = async ({
    who = "one",
    epoch = 1,
    expiry = expiry_ms,
    from: at,
    done = [],
  }: Asked) => {
    const given = [who, String(epoch), String(expiry), at ?? "", "100", "100000"];
    const reply = await run(
      receive,
      [stream, lease, state, waiting],
      [...given, "inbox", "ring", "all", ...done],
    );
    const fields = reply.slice(8);
    return {
      held: reply[0],
      from: reply[1],
      more: reply[2],
      ids: fields.filter((_, index) => index % 3 === 0).map(String),
      texts: fields.filter((_, index) => index % 3 === 2),
    };
  };
  const lengthOf = () => client.send("XLEN", [stream]);

  test("takes a message once, however often it comes, and in order of its origin only", async () => {
    expect(
      await handOver([
        [0, 0],
        [0, 1],
        [7, 0],
      ]),
    ).toBe(3);
    // As after an answer that was lost, and by a pump that took the same messages again and more.
    expect(
      await handOver([
        [7, 0],
        [0, 0],
        [0, 1],
        [0, 2],
      ]),
    ).toBe(4);
    // As a command that a cut cable kept, and delivers later.
    expect(
      await handOver([
        [0, 0],
        [0, 1],
        [7, 0],
      ]),
    ).toBe(3);
    expect(await lengthOf()).toBe(4);
    // The numbers of another cluster, or channel, are others.
    expect(keysOf("p", "other", "jobs").from).not.toBe(from);
    expect(keysOf("p", "cluster", "more").from).not.toBe(from);
    expect(Number(await client.send("PTTL", [from]))).toBeWithin(expiry_ms - 5_000, expiry_ms + 1);
  });

  test("takes as many as it has room for, the known ones not counted, and rings when there is some", async () => {
    expect(
      await handOver(
        [
          [0, 0],
          [0, 1],
          [0, 2],
        ],
        2,
      ),
    ).toBe(2);
    expect(
      await handOver(
        [
          [0, 0],
          [0, 1],
          [0, 2],
        ],
        2,
      ),
    ).toBe(2);
    expect(await client.send("SMEMBERS", [waiting])).toEqual(["inbox"]);
    await ask({});
    const { ids } = await ask({ from: "0-0" });
    await ask({ done: [ids[0]!] });
    expect(await client.send("EXISTS", [waiting])).toBe(0);
    expect(await handOver([[0, 2]], 2)).toBe(1);
  });

  test("has one consumer, and hands nothing to anybody else", async () => {
    await handOver([
      [0, 0],
      [0, 1],
    ]);
    expect(await ask({ from: "0-0" })).toMatchObject({ held: 2, ids: [] });
    const { ids, texts, more } = await ask({ from: "0-0" });
    expect({ texts, more }).toEqual({ texts: ["0:0", "0:1"], more: 0 });
    expect(await ask({ who: "two", from: "0-0", done: ids })).toMatchObject({ held: 0, ids: [] });
    expect(await ask({ who: "two", expiry: 0 })).toMatchObject({ held: 0 });
    expect(await lengthOf()).toBe(2);
    expect(await ask({ expiry: 0 })).toMatchObject({ held: 0 });
    // What the first was handed and did not acknowledge comes first.
    await handOver([[0, 2]]);
    expect(await ask({ who: "two" })).toMatchObject({ held: 2 });
    expect(await ask({ who: "two", from: "0-0" })).toMatchObject({
      held: 1,
      texts: ["0:0", "0:1", "0:2"],
    });
    // The first wakes up and knows nothing of it: neither does it get anything, nor can it acknowledge.
    await handOver([[0, 3]]);
    expect(await ask({ from: ">", done: ids })).toMatchObject({ held: 0, ids: [] });
    expect(await lengthOf()).toBe(4);
    expect(await ask({ who: "two", from: ">", done: ids })).toMatchObject({ texts: ["0:3"] });
    expect(await run(look, [stream, lease, state], [])).toMatchObject([
      2,
      4,
      2,
      expect.anything(),
      1,
    ]);
  });

  test("knows a consumer's connections apart: the later one goes on, the earlier changes nothing", async () => {
    await handOver([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
    await ask({ epoch: 1 });
    const { ids } = await ask({ epoch: 1, from: "0-0" });
    expect(await ask({ epoch: 2, done: [ids[0]!] })).toMatchObject({ held: 2 });
    expect(await ask({ epoch: 1, from: ">", done: [ids[1]!] })).toMatchObject({ held: 0 });
    expect(await ask({ epoch: 1, expiry: 0 })).toMatchObject({ held: 0 });
    expect(await ask({ epoch: 2, from: "0-0" })).toMatchObject({ held: 1, texts: ["0:1", "0:2"] });
    expect(await ask({ epoch: 2, from: ids[1]! })).toMatchObject({ texts: ["0:2"] });
  });

  test("reads large messages few at a time: an answer has to come in time", async () => {
    const text = "x".repeat(60_000);
    for (let n = 0; n < 10; n++) {
      const args = ["100", String(expiry_ms), "inbox", "ring", "0", String(n), "t", text];
      await run(append, [stream, lease, state, waiting, from], args);
    }
    await ask({});
    const first = await ask({ from: "0-0" });
    expect(first).toMatchObject({ more: 1 });
    expect(first.ids.length).toBe(4);
    expect((await ask({ from: String(first.from) })).ids.length).toBe(4);
  });

  test("reads in pieces, at most as many as asked for", async () => {
    const many = Array.from({ length: 200 }, (_, n): [number, number] => [0, n]);
    await handOver(many, 1_000);
    await ask({});
    let at = "0-0";
    const texts: unknown[] = [];
    for (let more: unknown = 1; more === 1;) {
      const next = await ask({ from: at });
      expect(next.ids.length).toBeLessThanOrEqual(100);
      texts.push(...next.texts);
      at = String(next.from);
      more = next.more;
    }
    expect(texts).toEqual(many.map(([, n]) => `0:${n}`));
  });
});
