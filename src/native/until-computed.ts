/** Waiting for what another process computes. */
import type { CachedAnswer, CacheStore } from "./core.ts";

const first_ms = 1;
const longest_ms = 16;

/**
 * Looks until the answer is there, or nobody computes it any more. It ends with the lease at the latest, so it needs
 * no end of its own. One per key and process: further requests wait for the same promise.
 */
export async function untilComputed(
  store: CacheStore,
  key: string,
): Promise<CachedAnswer | undefined> {
  for (let pause_ms = first_ms; ; pause_ms = Math.min(2 * pause_ms, longest_ms)) {
    const isUnderWay = store.isUnderWay(key);
    const found = store.get(key);
    if (found !== undefined && store.now() < found.freshUntil) return found;
    if (!isUnderWay) return undefined;
    await Bun.sleep(pause_ms);
  }
}
