/**
 * One process of the kill test: decides without end, and notes in a mapped file what it is about to decide and what came
 * out. `bun limit-writer.ts <file> <keys> <row> <seed>`; the place of the segment is in the environment.
 */
import { loadCore } from "../../src/native/load.ts";
import { takeSegmentPlace } from "../../src/native/segment-place.ts";
import { silentLogger } from "../support/log.ts";
import { createRandom } from "../support/random.ts";
import { churnWindow, Notes, windows } from "./limit-plan.ts";

const [, , file = "", keys = "0", rowText = "0", seed = "0"] = process.argv;
const row = Number(rowText);
const segment = loadCore("zig", silentLogger).openSegment(takeSegmentPlace());
const counted = segment.rateLimits.limiter(windows);
const churn = segment.rateLimits.limiter([churnWindow]);
const notes = new Notes(Bun.mmap(file, { shared: true }), Number(keys));
const random = createRandom(Number(seed));

for (let round = 0; ; round++) {
  if (round === 100) notes.setReady(row);
  if (random.chance(20)) {
    churn.ask(0, `${random.below(1e9)}`, 1);
    churn.decide(segment.now());
  }
  const key = notes.front;
  for (const index of windows.keys()) counted.ask(index, `${key}`, 1);
  const now = segment.now();
  notes.setInFlight(row, key);
  const isAllowed = counted.decide(now);
  if (isAllowed) notes.pass(row, key);
  notes.setInFlight(row, undefined);
  if (!isAllowed) notes.advance(key);
}
