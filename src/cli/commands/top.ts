/** `robyn top <url>`: what a server does right now, from its /metrics. A screen in a terminal, lines elsewhere. */
import { RobynError } from "../../errors.ts";
import { scrape } from "../top/scrape.ts";
import { toLine, toScreen, viewOf } from "../top/view.ts";

export interface TopOptions {
  /** Seconds between two scrapes. */
  readonly interval: number;
  /** Ends after so many; undefined: never. */
  readonly count?: number;
}

const clear = "\x1b[H\x1b[2J";

export async function top(
  address: string,
  { interval, count = Infinity }: TopOptions,
): Promise<void> {
  const url = metricsUrl(address);
  const shown = url.href;
  // Every step that has values: the default of the server is made for Prometheus, and coarser.
  url.searchParams.set("resolution", "full");
  let before = await scrape(url);
  for (let round = 0; round < count; round++) {
    await Bun.sleep(interval * 1_000);
    const now = await scrape(url);
    const view = viewOf(before, now);
    if (process.stdout.isTTY)
      process.stdout.write(clear + toScreen(shown, view, process.stdout.rows ?? 24));
    else console.log(toLine(view));
    before = now;
  }
}

/** `localhost:8080` is enough: http, and /metrics where no path is given. */
export function metricsUrl(address: string): URL {
  const url = URL.parse(/^https?:\/\//.test(address) ? address : `http://${address}`);
  if (url === null) {
    throw new RobynError(
      "ROBYN_METRICS_UNREACHABLE",
      `${JSON.stringify(address)} is no URL.`,
      "Give one like http://localhost:8080/metrics.",
    );
  }
  if (url.pathname === "/") url.pathname = "/metrics";
  return url;
}
