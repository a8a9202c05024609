/** The kill test of the shared cache, short or long. */
import { expect } from "bun:test";
import { join } from "node:path";
import { loadCore } from "../../src/native/load.ts";
import { keyOf, isWhole, keys } from "./cache-bodies.ts";
import { Crew } from "./crew.ts";
import { silentLogger } from "./log.ts";
import { createRandom, seedOfPart } from "./random.ts";

const writers = 3;

/**
 * Kills processes that write to one cache, at random instants, `kills` times in all, and looks at every structure and
 * every body after each round, when nobody writes.
 */
export async function killWriters(kills: number, seed: number): Promise<{ found: number }> {
  const random = createRandom(seed);
  await using crew = new Crew({ cacheBytes: 1_048_576 });
  const file = join(import.meta.dir, "cache-writer.ts");
  const place = { descriptor: crew.segment.descriptor, slot: 100 };
  crew.segment.claimSlot(place.slot);
  const store = loadCore("zig", silentLogger).openSegment(place).cache();
  let counted = 0;
  let found = 0;
  for (let killed = 0; killed < kills; killed += writers) {
    const members = await Promise.all(
      Array.from({ length: writers }, (_, slot) =>
        crew.start(file, [String(seedOfPart(seed, killed + slot))], slot),
      ),
    );
    // Not a wait for anything: the instant is what is random.
    await Bun.sleep(random.below(30));
    await Promise.all(members.map((member) => member.kill()));
    const context = `after ${killed + writers} kills, seed ${seed}`;
    expect([context, ...members.map(({ output, errors }) => output + errors)]).toEqual([
      context,
      ...members.map(() => "at it\n"),
    ]);
    expect([context, crew.segment.verifyCache()]).toEqual([context, true]);
    for (let number = 0; number < keys; number++) {
      const answer = store.get(keyOf(number));
      if (answer === undefined) continue;
      found++;
      expect([context, number, isWhole(number, answer.body)]).toEqual([context, number, true]);
    }
    // Nobody is left who could hold anything: neither an arena nor a lease.
    for (let number = 0; number < 20; number++) {
      expect(store.isUnderWay(keyOf(number))).toBe(false);
      const now = store.now();
      const times = {
        born: store.latest(),
        storedAt: now,
        freshUntil: now + 1e9,
        staleUntil: now + 1e9,
      };
      const put = store.put(`/own/${number}`, {
        ...times,
        cells: [],
        head: "",
        body: new Uint8Array(9),
      });
      expect([context, put]).toEqual([context, true]);
    }
    const { hits, bytes, capacity } = store.totals();
    expect(hits).toBeGreaterThanOrEqual(counted);
    counted = hits;
    expect(bytes).toBeLessThanOrEqual(capacity);
  }
  return { found };
}
