/** What happened between two scrapes, and how it is shown. */
import type { Sample, Scrape } from "./scrape.ts";

export interface RouteView {
  readonly method: string;
  readonly route: string;
  /** Requests per second. */
  readonly rate: number;
  /** Of them answered with 5xx. */
  readonly failing: number;
  /** Seconds; NaN where there was no request. */
  readonly p50: number;
  readonly p99: number;
}

export interface View {
  readonly rate: number;
  readonly failing: number;
  readonly inFlight: number;
  readonly listeners: number;
  readonly residentBytes: number;
  /** Worst tenth of the timers, seconds. */
  readonly lag: number;
  /** The busiest first. */
  readonly routes: readonly RouteView[];
}

const duration = "http_server_request_duration_seconds_bucket";
const requests = "http_server_requests_total";
const lag = "robyn_event_loop_lag_seconds_bucket";

export function viewOf(before: Scrape, now: Scrape): View {
  const seconds = (now.at - before.at) / 1_000;
  const rates = ratesOf(before, now, seconds);
  const routes = [...rates]
    .map(([key, { rate, failing }]): RouteView => {
      const [method = "", route = ""] = key.split("\0");
      const steps = stepsBetween(before, now, duration, key);
      return {
        method,
        route,
        rate,
        failing,
        p50: quantile(steps, 0.5),
        p99: quantile(steps, 0.99),
      };
    })
    .filter(({ rate }) => rate > 0)
    .sort((left, right) => right.rate - left.rate);
  return {
    rate: routes.reduce((sum, it) => sum + it.rate, 0),
    failing: routes.reduce((sum, it) => sum + it.failing, 0),
    inFlight: valueOf(now, "http_server_active_requests"),
    listeners: valueOf(now, "robyn_listeners"),
    residentBytes: valueOf(now, "process_resident_memory_bytes"),
    lag: quantile(stepsBetween(before, now, lag, keyOf({})), 0.9),
    routes,
  };
}

function ratesOf(before: Scrape, now: Scrape, seconds: number) {
  const earlier = new Map<string, number>();
  for (const it of before.samples) if (it.name === requests) earlier.set(statusKey(it), it.value);
  const rates = new Map<string, { rate: number; failing: number }>();
  for (const it of now.samples) {
    if (it.name !== requests) continue;
    const more = Math.max(0, it.value - (earlier.get(statusKey(it)) ?? 0)) / seconds;
    const sum = rates.get(keyOf(it.labels)) ?? { rate: 0, failing: 0 };
    const failing = it.labels.status?.startsWith("5") === true ? more : 0;
    rates.set(keyOf(it.labels), { rate: sum.rate + more, failing: sum.failing + failing });
  }
  return rates;
}

/** How many values came into each step of a histogram, by its upper end. */
function stepsBetween(before: Scrape, now: Scrape, name: string, key: string): Map<number, number> {
  const earlier = stepsOf(before, name, key);
  return new Map(
    [...stepsOf(now, name, key)].map(([le, count]) => [le, count - (earlier.get(le) ?? 0)]),
  );
}

function stepsOf({ samples }: Scrape, name: string, key: string): Map<number, number> {
  const steps = new Map<number, number>();
  let below = 0;
  for (const it of samples) {
    if (it.name !== name || keyOf(it.labels) !== key) continue;
    steps.set(Number(it.labels.le?.replace("+Inf", "Infinity")), it.value - below);
    below = it.value;
  }
  return steps;
}

/** The middle of the step in which the quantile lies: at most 6.25 % from it. */
export function quantile(steps: ReadonlyMap<number, number>, of: number): number {
  const filled = [...steps]
    .filter(([, count]) => count > 0)
    .sort(([left], [right]) => left - right);
  const all = filled.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [le, count] of filled) {
    seen += count;
    if (seen < of * all) continue;
    return Number.isFinite(le) ? le - 2 ** (Math.ceil(Math.log2(le)) - 1) / 16 : Infinity;
  }
  return NaN;
}

function valueOf({ samples }: Scrape, name: string): number {
  return samples.find((it) => it.name === name)?.value ?? NaN;
}

function keyOf({ method = "", route = "" }: Sample["labels"]): string {
  return `${method}\0${route}`;
}

function statusKey({ labels }: Sample): string {
  return `${keyOf(labels)}\0${labels.status}`;
}

/** One line, for logs and pipes. */
export function toLine(view: View): string {
  const [busiest] = view.routes;
  const all = [
    `${round(view.rate)} requests/s`,
    `${round(view.failing)} failing/s`,
    `${view.inFlight} in flight`,
    `${view.listeners} listeners`,
    `${megabytes(view.residentBytes)} MB`,
    `lag ${time(view.lag)}`,
  ];
  if (busiest !== undefined) {
    const { method, route, p50, p99 } = busiest;
    all.push(`${method} ${printable(route)} p50 ${time(p50)} p99 ${time(p99)}`);
  }
  return all.join("  ");
}

/** A screen of at most so many rows. */
export function toScreen(url: string, view: View, rows: number): string {
  const table = view.routes
    .slice(0, Math.max(1, rows - 6))
    .map((it) => [
      round(it.rate),
      round(it.failing),
      time(it.p50),
      time(it.p99),
      `${it.method} ${printable(it.route)}`,
    ]);
  const cells = [["REQ/S", "FAIL/S", "P50", "P99", "ROUTE"], ...table];
  const lines = cells.map((row) => row.map((it, at) => (at < 4 ? it.padStart(9) : it)).join("  "));
  return [
    `robyn top  ${url}`,
    `${round(view.rate)} requests/s  ${round(view.failing)} failing/s  ${view.inFlight} in flight`,
    `${view.listeners} listeners  ${megabytes(view.residentBytes)} MB resident  event loop lag (p90) ${time(view.lag)}`,
    "",
    ...lines,
    "",
  ].join("\n");
}

/** What comes from a server must not move the cursor of a terminal. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function time(seconds: number): string {
  if (Number.isNaN(seconds)) return "–";
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
}
