/**
 * Nanoseconds per decision of a rate limit, through FFI: `bun limiter.ts <keys> <windows> [milliseconds]` prints the best
 * loop of many. Written and hashed are addresses as they come from a server; the clock is read for each decision, as
 * the middleware does.
 */
import { loadCore } from "../../src/native/load.ts";
import { createLogger } from "../../src/logger.ts";
import { shuffle } from "../probes.ts";

const [, , keys = "1000", windows = "1", milliseconds = "1500"] = process.argv;
const segment = loadCore("zig", createLogger()).openSegment({ descriptor: undefined, slot: 0 });
const limiter = segment.rateLimits.limiter(
  Array.from({ length: Number(windows) }, (_, index) => ({
    identity: `window ${index}`,
    interval_ns: 1_000,
    burst: 1_000_000,
  })),
);
const addresses = Array.from(
  { length: Number(keys) },
  (_, n) => `203.0.${(n >> 8) & 255}.${n & 255}`,
);
// Parsed text is flat, as an address from the server is.
const texts: string[] = JSON.parse(JSON.stringify(shuffle(addresses)));

for (const text of texts) {
  if (!decide(text)) throw new Error("wrong answer: refused within the burst");
  if (limiter.remaining(0) >= 1_000_000) throw new Error("wrong answer: nothing was charged");
}

let best = Number.POSITIVE_INFINITY;
const deadline = performance.now() + Number(milliseconds);
while (performance.now() < deadline) {
  const begin = Bun.nanoseconds();
  let count = 0;
  for (let round = 0; round < 10_000; round += texts.length)
    for (const text of texts) {
      decide(text);
      count++;
    }
  best = Math.min(best, (Bun.nanoseconds() - begin) / count);
}
console.log(JSON.stringify(best));
segment.close();

function decide(key: string): boolean {
  for (let index = 0; index < Number(windows); index++) limiter.ask(index, key, 1);
  return limiter.decide(segment.now());
}
