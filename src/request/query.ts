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
    const earlier = query[key];
    if (earlier === undefined) query[key] = value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else query[key] = [earlier, value];
  }
  return query;
}
