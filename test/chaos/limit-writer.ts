/**
 * One process of the kill test: decides without end, and writes down in a mapped file, which outlives it, what it is
 * about to do and what came out. `bun limit-writer.ts <file> <row> <seed>`; the segment is in the environment.
 */
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { createRandom } from "../support/random.ts";
import { silentLogger } from "../support/log.ts";
import { churnWindow, isAsked, keysCount, rowOf, windows } from "./limit-plan.ts";

const [, , file = "", row = "0", seed = "0"] = process.argv;
const segment = loadCore("zig", silentLogger).openSegment(takeSegmentPlace());
const counted = segment.rateLimits.limiter(windows);
const churn = segment.rateLimits.limiter([churnWindow]);
const { words, inFlight, isReady, allowed } = rowOf(Bun.mmap(file, { shared: true }), Number(row));
const random = createRandom(Number(seed));

for (let round = 0; ; round++) {
  if (round === 100) Atomics.store(words, isReady, 1);
  churn.ask(0, `${random.below(1e9)}`, 1);
  churn.decide(segment.now());
  const key = random.below(keysCount);
  for (const index of windows.keys()) {
    if (isAsked(index, key)) counted.ask(index, `${key}`, 1);
    else counted.skip(index);
  }
  Atomics.store(words, inFlight, key + 1);
  const isAllowed = counted.decide(segment.now());
  if (isAllowed) Atomics.add(words, allowed(key), 1);
  Atomics.store(words, inFlight, 0);
}
