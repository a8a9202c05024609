/** Scrapes of a server under test, and whether its counters only ever go up. */
import { type Family, readExposition, sumOf } from "./exposition.ts";

export async function scrape(origin: string): Promise<Family[]> {
  // On a connection of its own: any worker has to answer for all.
  const response = await fetch(`${origin}/metrics`, {
    keepalive: false,
    signal: AbortSignal.timeout(10_000),
  });
  return readExposition(await response.text(), "prometheus");
}

/** Every series of counters and histograms, held against the last look at it. */
export class Monotony {
  readonly #last = new Map<string, number>();
  /** What went back, or away. */
  readonly mistakes: string[] = [];
  looks = 0;

  look(families: readonly Family[]): void {
    this.looks++;
    const now = new Map<string, number>();
    for (const { type, samples } of families) {
      if (type === "gauge") continue;
      for (const { name, labels, value } of samples)
        now.set(`${name}${JSON.stringify(labels)}`, value);
    }
    for (const [key, before] of this.#last) {
      const value = now.get(key);
      if (value === undefined) this.mistakes.push(`${key} is gone, it was ${before}`);
      else if (value < before) this.mistakes.push(`${key} went from ${before} to ${value}`);
    }
    for (const [key, value] of now) this.#last.set(key, value);
  }
}

/** Answers counted for a route, by status. */
export function countedOf(
  families: readonly Family[],
  route: string,
  status?: number | string,
): number {
  const ofStatus: Record<string, string> = status === undefined ? {} : { status: String(status) };
  return sumOf(families, "http_server_requests_total", { route, ...ofStatus });
}
