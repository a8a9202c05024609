/** The query of a URL (WHATWG URL, application/x-www-form-urlencoded). */
import { HttpError } from "../errors.ts";

/** One value, or all of them where a key is repeated. Has no prototype, so no key can be mistaken for a method. */
export type Query = Record<string, string | string[]>;

/** Most pairs in one query: what a form could need, far below what would stall the loop. */
export const query_pairs_max = 1_000;

/** @throws HttpError 400 above `query_pairs_max` pairs. */
export function parseQuery(url: string): Query {
  const query: Query = Object.create(null);
  const start = url.indexOf("?");
  if (start < 0) return query;
  const end = url.indexOf("#", start);
  let pairs = 0;
  for (const [key, value] of new URLSearchParams(url.slice(start + 1, end < 0 ? undefined : end))) {
    if (++pairs > query_pairs_max) {
      throw new HttpError(400, `the query has more than ${query_pairs_max} parameters`);
    }
    addValue(query, key, value);
  }
  return query;
}

/** The first value stands alone, with the second it becomes a list. `bag` must have no prototype. */
export function addValue(bag: Query, key: string, value: string): void {
  const earlier = bag[key];
  if (earlier === undefined) bag[key] = value;
  else if (Array.isArray(earlier)) earlier.push(value);
  else bag[key] = [earlier, value];
}
