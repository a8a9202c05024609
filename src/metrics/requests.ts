/**
 * Requests by route, method and status, and how long they took. Recording is the hot path of an application with
 * metrics: three additions to numbers of this listener, at places that flat arrays give. Everything else happens once
 * for each route, status and octave of time.
 *
 * A meter is a route with a method: endpoint ids as they are, then HEAD on each of them, then requests without a route.
 */
import { standardMethods } from "../http/method.ts";
import {
  cellAt,
  head,
  headPart,
  partsOfHistogram,
  stepOf,
  steps,
  stepsPerOctave,
} from "./buckets.ts";
import type { Family } from "./family.ts";
import type { BoundGauge } from "./instruments.ts";
import type { HistogramOptions, MetricRegistry } from "./registry.ts";

/** What a request is counted under that no route answers: never its path, which a client chooses. */
export const noRoute = "<no route>";
/** Methods that nobody defined, as OpenTelemetry calls them. */
const otherMethod = "_OTHER";

export interface MeteredRoute {
  readonly method: string;
  readonly path: string;
}

export class RequestMeters {
  readonly #requests: Family;
  readonly #durations: Family;
  readonly #requestBytes: Family;
  readonly #responseBytes: Family;
  readonly #inFlight: BoundGauge;
  readonly #cells: Float64Array;
  readonly #labels: (readonly [method: string, route: string])[];
  readonly #routes: number;
  readonly #misses = new Map<string, number>();
  /** By meter: the status of its last answer, and the cell that counts it. */
  readonly #lastStatus: Uint16Array;
  readonly #lastCell: Int32Array;
  /** Lines of durations by meter and part; 0: not made yet. */
  readonly #lines: Int32Array;
  readonly #statusCells = new Map<number, number>();
  readonly #byteCells = new Map<Family, Map<number, number>>();

  constructor(
    registry: MetricRegistry,
    routes: readonly MeteredRoute[],
    options: HistogramOptions,
  ) {
    const labels = ["method", "route"];
    this.#requests = registry.counterFamily(
      "http_server_requests_total",
      "Requests answered, by route and status.",
      [...labels, "status"],
    );
    this.#durations = registry.histogramFamily(
      "http_server_request_duration_seconds",
      "Time from the request's head to the answer's; bodies that are streamed are not part of it.",
      labels,
      { ...options, limit: 0 },
    );
    this.#requestBytes = registry.counterFamily(
      "http_server_request_body_bytes_total",
      "Bytes of request bodies, as their Content-Length says.",
      labels,
    );
    this.#responseBytes = registry.counterFamily(
      "http_server_response_body_bytes_total",
      "Bytes of answers that say their Content-Length: files, const responses, and what sets it.",
      labels,
    );
    this.#inFlight = registry
      .gauge("http_server_active_requests", "Requests whose handler has not answered yet.")
      .with();
    this.#cells = registry.store.cells;
    this.#routes = routes.length;
    this.#labels = [
      ...routes.map(({ method, path }) => [method, path] as const),
      ...routes.map(({ path }) => ["HEAD", path] as const),
    ];
    for (const method of [
      ...new Set([...standardMethods, ...routes.map((it) => it.method)]),
      otherMethod,
    ])
      this.#misses.set(method, this.#labels.push([method, noRoute]) - 1);
    const meters = this.#labels.length;
    this.#lastStatus = new Uint16Array(meters);
    this.#lastCell = new Int32Array(meters);
    this.#lines = new Int32Array(meters * partsOfHistogram);
  }

  ofHead(endpoint: number): number {
    return this.#labels[endpoint]![0] === "HEAD" ? endpoint : this.#routes + endpoint;
  }

  ofMiss(method: string): number {
    return this.#misses.get(method) ?? this.#misses.get(otherMethod)!;
  }

  record(meter: number, status: number, seconds: number): void {
    const cells = this.#cells;
    const cell =
      this.#lastStatus[meter] === status ? this.#lastCell[meter]! : this.#cellOf(meter, status);
    cells[cell]! += 1;
    const row = meter * partsOfHistogram;
    const step = stepOf(seconds);
    if (step < 0 || step >= steps) return this.#recordOutside(row, step, seconds);
    const part = (step >> 3) + 1;
    const line = this.#lines[row + part]! || this.#lineOf(row, part);
    const first = this.#lines[row]! || this.#lineOf(row, headPart);
    cells[cellAt(line, step & (stepsPerOctave - 1))]! += 1;
    cells[cellAt(first)]! += seconds;
  }

  /** Counts a request as in flight until its answer is there. Answers that are there at once never are. */
  watch(meter: number, answer: Promise<Response>, start: number): Promise<Response> {
    this.#inFlight.inc();
    const over = (status: number) => {
      this.#inFlight.dec();
      this.record(meter, status, (performance.now() - start) / 1_000);
    };
    return answer.then(
      (response) => {
        over(response.status);
        return response;
      },
      (error) => {
        over(500);
        throw error;
      },
    );
  }

  countRequestBytes(meter: number, contentLength: string | null): void {
    this.#countBytes(this.#requestBytes, meter, contentLength);
  }

  countResponseBytes(meter: number, contentLength: string | null): void {
    this.#countBytes(this.#responseBytes, meter, contentLength);
  }

  #countBytes(family: Family, meter: number, contentLength: string | null): void {
    if (contentLength === null) return;
    const bytes = Number(contentLength);
    if (!(bytes > 0 && bytes < Infinity)) return;
    let known = this.#byteCells.get(family);
    if (known === undefined) this.#byteCells.set(family, (known = new Map()));
    let cell = known.get(meter);
    if (cell === undefined) {
      cell = cellAt(family.line(family.series(this.#labels[meter]!), 0));
      known.set(meter, cell);
    }
    this.#cells[cell]! += bytes;
  }

  /** What took no measurable time, or days. */
  #recordOutside(row: number, step: number, seconds: number): void {
    const first = this.#lines[row]! || this.#lineOf(row, headPart);
    this.#cells[cellAt(first, step < 0 ? head.below : head.above)]! += 1;
    this.#cells[cellAt(first, head.sum)]! += seconds;
  }

  #cellOf(meter: number, status: number): number {
    const key = meter * 1_024 + status;
    let cell = this.#statusCells.get(key);
    if (cell === undefined) {
      const values = [...this.#labels[meter]!, String(status)];
      cell = cellAt(this.#requests.line(this.#requests.series(values), 0));
      this.#statusCells.set(key, cell);
    }
    this.#lastStatus[meter] = status;
    this.#lastCell[meter] = cell;
    return cell;
  }

  #lineOf(row: number, part: number): number {
    const meter = Math.floor(row / partsOfHistogram);
    const series = this.#durations.series(this.#labels[meter]!);
    const line = this.#durations.line(series, part);
    this.#lines[row + part] = line;
    return line;
  }
}
