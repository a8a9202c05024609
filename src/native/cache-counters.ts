/** What every listener counts of its cached responses, in a row of numbers of its own. */

/** Where in the row. The native core adds the rows of all listeners up. */
export const cacheCounter = {
  hits: 0,
  stale: 1,
  misses: 2,
  bypassed: 3,
  stored: 4,
  refused: 5,
  waited: 6,
  invalidations: 7,
  fetched: 8,
} as const;

/** Two cache lines. */
export const cacheCountersCount = 16;

export interface CacheCounts {
  /** Answered from the cache, fresh. */
  readonly hits: number;
  /** Answered from the cache while another is computed. */
  readonly stale: number;
  readonly misses: number;
  /** Requests with credentials, and such that have no key. */
  readonly bypassed: number;
  readonly stored: number;
  /** Answers that may not be stored, are too large, or found no place just then. */
  readonly refused: number;
  /** Misses that were answered by what somebody else computed. */
  readonly waited: number;
  readonly invalidations: number;
  /** Misses that were answered by what another cluster computed. */
  readonly fetched: number;
}

export function readCounts(row: Float64Array): CacheCounts {
  const at = (index: number): number => row[index] ?? 0;
  return {
    hits: at(cacheCounter.hits),
    stale: at(cacheCounter.stale),
    misses: at(cacheCounter.misses),
    bypassed: at(cacheCounter.bypassed),
    stored: at(cacheCounter.stored),
    refused: at(cacheCounter.refused),
    waited: at(cacheCounter.waited),
    invalidations: at(cacheCounter.invalidations),
    fetched: at(cacheCounter.fetched),
  };
}
