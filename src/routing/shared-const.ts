/** Const answers of a cluster: the first worker of a deploy makes them, the others take them from the segment. */
import type { CachedAnswer, CacheStore } from "../native/core.ts";
import { generation } from "../native/segment-place.ts";
import { untilComputed } from "../native/until-computed.ts";
import type { Variant } from "../response/const-response.ts";
import type { Route } from "./route.ts";

/** As long as a start may take; after it, somebody else tries. */
const lease_seconds = 60;
/** A year: until the next deploy. What has made room for others by then is made once more. */
const kept_ns = 31_536_000e9;

export async function onceForAll(
  store: CacheStore,
  route: Route,
  make: () => Promise<Variant[]>,
): Promise<readonly Variant[]> {
  const key = `const\n${generation}\n${route.method} ${route.path}`;
  const found = await untilComputed(store, key);
  if (found !== undefined) return read(found);
  // Not the first, and nothing came: too large to be shared, or too long in the making.
  if (!store.acquire(key, lease_seconds)) return make();
  try {
    const late = store.get(key);
    if (late !== undefined) return read(late);
    const born = store.latest();
    const variants = await make();
    store.put(key, write(variants, born, store.now()));
    return variants;
  } finally {
    store.release(key);
  }
}

/** Coding, status, headers and length of each; the bodies follow each other. */
type Head = [Variant[0], number, Variant[1]["headers"], number][];

function write(variants: readonly Variant[], born: number, now: number): CachedAnswer {
  const head: Head = variants.map(([coding, { status, headers, body }]) => [
    coding,
    status,
    headers,
    body.length,
  ]);
  const body = new Uint8Array(head.reduce((sum, [, , , length]) => sum + length, 0));
  let at = 0;
  for (const [, stored] of variants) {
    body.set(stored.body, at);
    at += stored.body.length;
  }
  const until = now + kept_ns;
  const times = { born, storedAt: now, freshUntil: until, staleUntil: until };
  return { ...times, cells: [], head: JSON.stringify(head), body };
}

function read({ head, body }: CachedAnswer): Variant[] {
  let at = 0;
  const variants: Head = JSON.parse(head);
  return variants.map(([coding, status, headers, length]) => {
    at += length;
    return [coding, { status, headers, body: body.slice(at - length, at) }];
  });
}
