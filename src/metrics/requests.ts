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
import { lineBits, type TickClock } from "../native/core.ts";
import type { Family } from "./family.ts";
import type { BoundGauge } from "./instruments.ts";
import type { MetricRegistry } from "./registry.ts";
import type { MeasureOptions } from "./route.ts";

/** What a request is counted under that no route answers: never its path, which a client chooses. */
export const noRoute = "<no route>";
/** Methods that nobody defined, as OpenTelemetry calls them. */
const otherMethod = "_OTHER";

export interface MeteredRoute {
  readonly method: string;
  readonly path: string;
}

export class RequestMeters {
  /** The clock of `measure`. */
  readonly ticks: () => number;
  readonly #clock: TickClock;
  readonly #requests: Family;
  readonly #durations: Family;
  readonly #requestBytes: Family;
  readonly #responseBytes: Family | undefined;
  readonly #inFlight: BoundGauge;
  readonly #chunks: readonly Float64Array[];
  readonly #labels: (readonly [method: string, route: string])[];
  readonly #routes: number;
  readonly #misses = new Map<string, number>();
  /** By meter: the status of its last answer, and the line that counts it. */
  readonly #lastStatus: Uint16Array;
  readonly #lastLine: Int32Array;
  /** Lines of durations by meter and part; 0: not made yet. */
  readonly #lines: Int32Array;
  readonly #statusLines = new Map<number, number>();
  readonly #byteLines = new Map<Family, Map<number, number>>();

  constructor(
    registry: MetricRegistry,
    routes: readonly MeteredRoute[],
    { responseBytes = false, ...buckets }: MeasureOptions,
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
      { ...buckets, limit: 0 },
    );
    this.#requestBytes = registry.counterFamily(
      "http_server_request_body_bytes_total",
      "Bytes of request bodies, as their Content-Length says.",
      labels,
    );
    if (responseBytes) {
      this.#responseBytes = registry.counterFamily(
        "http_server_response_body_bytes_total",
        "Bytes of answers that have a Content-Length header.",
        labels,
      );
    }
    this.#inFlight = registry
      .gauge("http_server_active_requests", "Requests whose handler has not answered yet.")
      .with();
    this.#clock = registry.store.clock;
    this.ticks = this.#clock.ticks;
    this.#chunks = registry.store.chunks;
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
    this.#lastLine = new Int32Array(meters);
    this.#lines = new Int32Array(meters * partsOfHistogram);
  }

  ofHead(endpoint: number): number {
    return this.#labels[endpoint]![0] === "HEAD" ? endpoint : this.#routes + endpoint;
  }

  ofMiss(method: string): number {
    return this.#misses.get(method) ?? this.#misses.get(otherMethod)!;
  }

  /** @param start what `ticks` was when the request came. */
  record(meter: number, status: number, start: number): void {
    const seconds = (this.ticks() - start) * this.#clock.secondsPerTick;
    const counter =
      this.#lastStatus[meter] === status ? this.#lastLine[meter]! : this.#statusLine(meter, status);
    this.#add(counter, 0, 1);
    const row = meter * partsOfHistogram;
    const sum = this.#lines[row]! || this.#durationLine(row, headPart);
    this.#add(sum, head.sum, seconds);
    const step = stepOf(seconds);
    // What took no measurable time, or days.
    if (step < 0) return this.#add(sum, head.below, 1);
    if (step === steps) return this.#add(sum, head.above, 1);
    const part = (step >> 3) + 1;
    const line = this.#lines[row + part]! || this.#durationLine(row, part);
    this.#add(line, step & (stepsPerOctave - 1), 1);
  }

  #add(line: number, cell: number, by: number): void {
    this.#chunks[line >> lineBits]![cellAt(line, cell)]! += by;
  }

  /** Counts an answer, at once or when it comes; until then the request is in flight. */
  measure(
    meter: number,
    answer: Response | Promise<Response>,
    start: number,
  ): Response | Promise<Response> {
    if (!(answer instanceof Response)) return this.#watch(meter, answer, start);
    this.#over(meter, answer, start);
    return answer;
  }

  #watch(meter: number, answer: Promise<Response>, start: number): Promise<Response> {
    this.#inFlight.inc();
    return answer.then(
      (response) => {
        this.#inFlight.dec();
        this.#over(meter, response, start);
        return response;
      },
      (error) => {
        this.#inFlight.dec();
        this.record(meter, 500, start);
        throw error;
      },
    );
  }

  #over(meter: number, response: Response, start: number): void {
    this.record(meter, response.status, start);
    if (this.#responseBytes !== undefined)
      this.#countBytes(this.#responseBytes, meter, Number(response.headers.get("content-length")));
  }

  /** @param bytes what `Content-Length` said. */
  countRequestBytes(meter: number, bytes: number): void {
    this.#countBytes(this.#requestBytes, meter, bytes);
  }

  #countBytes(family: Family, meter: number, bytes: number): void {
    if (!(bytes > 0 && bytes < Infinity)) return;
    let known = this.#byteLines.get(family);
    if (known === undefined) this.#byteLines.set(family, (known = new Map()));
    let line = known.get(meter);
    if (line === undefined) {
      line = family.line(family.series(this.#labels[meter]!), 0);
      known.set(meter, line);
    }
    this.#add(line, 0, bytes);
  }

  #statusLine(meter: number, status: number): number {
    const key = meter * 1_024 + status;
    let line = this.#statusLines.get(key);
    if (line === undefined) {
      const values = [...this.#labels[meter]!, String(status)];
      line = this.#requests.line(this.#requests.series(values), 0);
      this.#statusLines.set(key, line);
    }
    this.#lastStatus[meter] = status;
    this.#lastLine[meter] = line;
    return line;
  }

  #durationLine(row: number, part: number): number {
    const meter = Math.floor(row / partsOfHistogram);
    const line = this.#durations.line(this.#durations.series(this.#labels[meter]!), part);
    this.#lines[row + part] = line;
    return line;
  }
}
