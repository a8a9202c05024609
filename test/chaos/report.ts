/** What a scenario of chaos reports. */

export interface Report {
  readonly name: string;
  /** What must not happen; empty in a good run. */
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, number | string>>;
}

/** @param share 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const value =
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return Math.round(value);
}
