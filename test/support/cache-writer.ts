/**
 * One process of the kill tests: writes, reads, invalidates and leases in the shared cache as fast as it can, until it
 * is killed. Ends with 1 if it ever gets a body that was not written as it is.
 */
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { bodyOf, isWhole, keyOf, keys } from "./cache-bodies.ts";
import { silentLogger } from "./log.ts";
import { createRandom } from "./random.ts";

const random = createRandom(Number(process.argv[2]));
const store = loadCore("zig", silentLogger).openSegment(takeSegmentPlace()).cache();
console.log("at it");

for (let round = 0; ; round++) {
  const number = random.below(keys);
  const key = keyOf(number);
  if (random.chance(50)) {
    const body = bodyOf(number, random.below(6_000));
    const now = store.now();
    const answer = { storedAt: now, freshUntil: now + 60e9, staleUntil: now + 60e9 };
    const cells = [number % 50, store.cellOf("all of them")];
    store.put(key, { ...answer, born: store.latest(), cells, head: "[200,[]]", body });
  } else if (random.chance(2)) {
    store.invalidate([number % 50]);
  } else if (random.chance(5)) {
    if (store.acquire(key, 60) && random.chance(90)) store.release(key);
  } else {
    const found = store.get(key);
    if (found !== undefined && !isWhole(number, found.body)) {
      console.log(`torn: ${key}`);
      process.exit(1);
    }
    store.counters[0]!++;
  }
  // Lets the parent's pipe and the collector have their turn.
  if (round % 512 === 0) await Bun.sleep(0);
}
