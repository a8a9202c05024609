/** Processes that are killed, and a Redis that is, while answers are made, found and ended in two clusters. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Crew, type Member } from "../support/crew.ts";
import { processTimeout_ms } from "../support/process.ts";
import { createRandom, seedOfRun } from "../support/random.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";

setDefaultTimeout(4 * processTimeout_ms);

const file = join(import.meta.dir, "..", "support", "joined-worker.ts");
const ids = 4;
const processes = 2;
const kills = 8;

/** A cluster whose processes are killed and replaced. */
class City implements AsyncDisposable {
  /** The latest value of each id that an invalidation here was heard to have ended the answers before. */
  readonly known: number[] = Array.from({ length: ids }, () => 0);
  readonly #crew = new Crew();
  readonly #env: Readonly<Record<string, string>>;
  readonly #members: (Member | undefined)[] = [];

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = { ...env, CREW_CLUSTER: crypto.randomUUID() };
  }

  async start(slot: number): Promise<void> {
    this.#members[slot] = await this.#crew.start(file, [], slot, this.#env);
  }

  /** The next one has another slot: what was owed has to be found there. */
  async replace(slot: number): Promise<void> {
    const member = this.#members[slot];
    this.#members[slot] = undefined;
    await member?.kill();
    await this.start((slot + processes) % (2 * processes));
  }

  slots(): number[] {
    return this.#members.flatMap((member, slot) => (member === undefined ? [] : [slot]));
  }

  /** @returns undefined where the process was killed meanwhile */
  async ask(slot: number, path: string, method = "GET"): Promise<Response | undefined> {
    const port = this.#members[slot]?.port;
    if (port === undefined) return undefined;
    const init = { method, headers: { host: "app.example" }, keepalive: false };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init).catch(() => undefined);
    return response?.ok === true ? response : undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#crew[Symbol.asyncDispose]();
  }
}

describe.skipIf(!hasRedis || process.platform !== "linux")("while processes are killed", () => {
  test("who knows of a change never sees what was before it", async () => {
    const random = createRandom(seedOfRun());
    const values: number[] = Array.from({ length: ids }, () => 0);
    await using server = await RedisServer.start();
    using source = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async ({ url }) => {
        const value = values[Number(new URL(url).pathname.slice(1))];
        await Bun.sleep(random.below(3));
        return new Response(String(value));
      },
    });
    const env = { REDIS_URL: server.url, SOURCE_URL: source.url.origin };
    await using berlin = new City(env);
    await using lisbon = new City(env);
    const cities = [berlin, lisbon];
    const slots = Array.from({ length: processes }, (_, slot) => slot);
    await Promise.all(cities.flatMap((city) => slots.map((slot) => city.start(slot))));

    let [fetched, ended, isOver] = [0, 0, false];
    const work = async () => {
      while (!isOver) {
        const city = cities[random.below(cities.length)]!;
        const alive = city.slots();
        const [slot, id] = [alive[random.below(alive.length)] ?? 0, random.below(ids)];
        if (random.below(12) === 0) {
          const value = ++values[id]!;
          if ((await city.ask(slot, `/invalidate/${id}`, "POST")) === undefined) continue;
          city.known[id] = Math.max(city.known[id]!, value);
          ended++;
          continue;
        }
        const least = city.known[id]!;
        const response = await city.ask(slot, `/value/${id}`);
        const text = await response?.text().catch(() => undefined);
        if (text === undefined) continue;
        if (response?.headers.get("cache-status")?.startsWith("redis") === true) fetched++;
        const seen = { value: Number(text), id, slot, city: cities.indexOf(city), least };
        if (seen.value < least) isOver = true;
        expect({ ...seen, isOld: seen.value < least }).toEqual({ ...seen, isOld: false });
      }
    };
    const workers = Promise.all(Array.from({ length: 6 }, work)).finally(() => (isOver = true));
    // A failure is looked at when all processes can be ended, and not before.
    workers.catch(() => {});
    for (let kill = 0; !isOver && (kill < kills || fetched < 50 || ended < 50); kill++) {
      const city = cities[kill % 2]!;
      const alive = city.slots();
      await city.replace(alive[random.below(alive.length)]!);
      if (kill === 3) {
        await server.kill();
        await server.begin();
      }
      if (kill === 5) await server.ask("FLUSHALL");
    }
    isOver = true;
    await workers;
    expect([fetched >= 50, ended >= 50]).toEqual([true, true]);
  });
});
