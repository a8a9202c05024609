/** Kept answers of several clusters that Redis joins: how the tests ask for them, and what lies in Redis. */
import type { CachePolicy, Robyn } from "robyn";
import type { RedisServer } from "./redis.ts";
import type { Site } from "./redis-app.ts";
import { until } from "./wait.ts";

export interface SiteAnswer {
  readonly text: string;
  /** The header `Cache-Status`. */
  readonly origin: string | null;
  readonly status: number;
  readonly headers: Headers;
}

/** Behind a balancer all clusters have one name, which is of the key. */
export async function askSite(
  { served }: Pick<Site, "served">,
  path: string,
  given: Record<string, string> = {},
): Promise<SiteAnswer> {
  const headers = { host: "app.example", ...given };
  const response = await fetch(served.url(path), { headers });
  const origin = response.headers.get("cache-status");
  const { status } = response;
  return { text: await response.text(), origin, status, headers: response.headers };
}

let made = 0;

/** Routes whose answers are others each time that they are computed, in whatever cluster. */
export function counting(policy: CachePolicy = { ttl: 600, tags: ["users"] }) {
  return (app: Robyn): void => {
    app.get("/users/:id", { cache: policy }, () => String(++made));
    app.get("/teams", { cache: { ttl: 600, tags: ["teams"] } }, () => String(++made));
  };
}

export async function keysOf(server: RedisServer, pattern = "robyn:answer:*"): Promise<string[]> {
  const found = await server.ask("KEYS", pattern);
  return Array.isArray(found) ? found.map(String) : [];
}

export async function stored(server: RedisServer, count: number): Promise<void> {
  await until(`${count} answers in Redis`, async () => (await keysOf(server)).length === count);
}
