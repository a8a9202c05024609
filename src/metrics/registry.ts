/**
 * The metrics of one application: what it defines itself, and what is built in. The segment is opened with the first
 * number that is counted, so an application without metrics maps nothing.
 */
import type { Logger } from "../logger.ts";
import type { GaugeSum, MetricStore, Segment } from "../native/core.ts";
import { octave_first, octaves } from "./buckets.ts";
import { type Buckets, type Definition, Family } from "./family.ts";
import { Counter, Gauge, Histogram } from "./instruments.ts";
import { checkName, invalid } from "./names.ts";

export interface MetricOptions {
  /** Most combinations of labels in the whole cluster; what comes then counts as `<overflow>`. Default 1,000. */
  limit?: number;
}

export interface GaugeOptions extends MetricOptions {
  /** How the values of several listeners become one. Default `sum`. */
  combine?: GaugeSum;
}

export interface HistogramOptions extends MetricOptions {
  /** Lowest and highest `le`, rounded outwards to powers of two. Default 2^-14 (61 µs) to 2^5 (32 s). */
  range?: readonly [from: number, to: number];
  /** `le` for each doubling: 1, 2, 4 or 8. More make `histogram_quantile` more exact, and scrapes longer. Default 1. */
  bucketsPerOctave?: number;
}

/** A number that somebody else keeps for the whole cluster; asked for at each scrape. */
export interface Collected {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}
export type Collector = () => Iterable<Collected>;

const limit_default = 1_000;

export class MetricRegistry {
  readonly families = new Map<string, Family>();
  readonly collectors: Collector[] = [];
  readonly #segment: () => Segment;
  readonly #logger: () => Logger;
  #store: MetricStore | undefined;

  constructor(segment: () => Segment, logger: () => Logger) {
    this.#segment = segment;
    this.#logger = logger;
  }

  get store(): MetricStore {
    return (this.#store ??= this.#segment().openMetrics());
  }

  counter<const Label extends string = never>(
    name: string,
    help: string,
    labels: readonly Label[] = [],
    options: MetricOptions = {},
  ): Counter<Label> {
    checkOptions(name, options, ["limit"]);
    return new Counter<Label>(this.#define({ kind: "counter", name, help, labels }, options));
  }

  gauge<const Label extends string = never>(
    name: string,
    help: string,
    labels: readonly Label[] = [],
    options: GaugeOptions = {},
  ): Gauge<Label> {
    checkOptions(name, options, ["limit", "combine"]);
    const { combine = "sum" } = options;
    if (!["sum", "min", "max"].includes(combine))
      throw invalid(
        `The gauge ${name} was given combine: "${combine}".`,
        "It takes sum, min or max.",
      );
    const definition = { kind: "gauge", name, help, labels, sum: combine } as const;
    return new Gauge<Label>(this.#define(definition, options));
  }

  histogram<const Label extends string = never>(
    name: string,
    help: string,
    labels: readonly Label[] = [],
    options: HistogramOptions = {},
  ): Histogram<Label> {
    checkOptions(name, options, ["limit", "range", "bucketsPerOctave"]);
    return new Histogram<Label>(this.histogramFamily(name, help, labels, options));
  }

  histogramFamily(
    name: string,
    help: string,
    labels: readonly string[],
    options: HistogramOptions,
  ): Family {
    const buckets = bucketsOf(name, options);
    return this.#define({ kind: "histogram", name, help, labels, buckets }, options);
  }

  counterFamily(name: string, help: string, labels: readonly string[]): Family {
    return this.#define({ kind: "counter", name, help, labels }, { limit: 0 });
  }

  #define(definition: Definition, { limit = limit_default }: MetricOptions): Family {
    const { kind, name, help, labels } = definition;
    checkName(kind, name, help, labels);
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw invalid(
        `The ${kind} ${name} was given the limit ${limit}.`,
        "It takes a whole number.",
      );
    if (this.families.has(name))
      throw invalid(`The metric ${name} is defined twice.`, "Define it once and pass it on.");
    const family = new Family(definition, limit, () => this.store, this.#logger);
    this.families.set(name, family);
    return family;
  }
}

function bucketsOf(
  name: string,
  { range = [2 ** -14, 2 ** 5], bucketsPerOctave = 1 }: HistogramOptions,
): Buckets {
  if (![1, 2, 4, 8].includes(bucketsPerOctave)) {
    throw invalid(
      `The histogram ${name} was given bucketsPerOctave: ${bucketsPerOctave}.`,
      "It takes 1, 2, 4 or 8.",
    );
  }
  const from = Math.floor(Math.log2(range[0]));
  const to = Math.ceil(Math.log2(range[1]));
  if (from >= octave_first && to <= octave_first + octaves && from < to)
    return { from, to, perOctave: bucketsPerOctave };
  throw invalid(
    `The histogram ${name} was given the range ${range.join(" to ")}.`,
    "It takes two numbers from 2^-30 to 2^40, the lower one first.",
  );
}

export function checkOptions(name: string, options: object, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    throw invalid(
      `${name} was given the unknown option "${option}".`,
      `It takes ${known.join(", ")}.`,
    );
  }
}
