/** What an application counts with: counters, gauges and histograms, with labels or without. */
import { metricPart } from "../native/core.ts";
import { cellAt, head, headPart, octaves, stepOf, steps, stepsPerOctave } from "./buckets.ts";
import type { Family } from "./family.ts";
import { invalid, type LabelValue } from "./names.ts";

/** Values for the labels, each of them required; nothing where there are none. */
export type LabelsOf<Label extends string> = [Label] extends [never]
  ? []
  : [labels: Readonly<Record<Label, LabelValue>>];

/** Finds the instrument of a combination of labels, and makes it the first time. */
abstract class Labelled<Label extends string, Instrument> {
  protected readonly family: Family;
  readonly #known = new Map<string, Instrument>();
  #overflow: Instrument | undefined;

  constructor(family: Family) {
    this.family = family;
  }

  /**
   * The instrument of one combination: keep it where the same one is used often.
   *
   * @throws RobynError ROBYN_METRIC_INVALID if a label is missing or unknown.
   */
  with(...[labels]: LabelsOf<Label>): Instrument {
    const values = this.#valuesOf(labels ?? {});
    const key = values.length === 1 ? values[0]! : JSON.stringify(values);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const series = this.family.find(values);
    // Not remembered: what is one too many is most often also new each time.
    if (series === undefined) return (this.#overflow ??= this.make(this.family.overflow()));
    const made = this.make(series);
    this.#known.set(key, made);
    return made;
  }

  protected abstract make(series: number): Instrument;

  #valuesOf(labels: Readonly<Record<string, LabelValue>>): string[] {
    const { name, labels: names } = this.family.definition;
    const given = Object.keys(labels);
    if (given.length === names.length && names.every((it) => labels[it] !== undefined))
      return names.map((it) => String(labels[it]));
    throw invalid(
      `The metric ${name} has the labels ${names.join(", ") || "(none)"}, but was given ${given.join(", ") || "(none)"}.`,
      "Give a value for each of them and for no other.",
    );
  }
}

/** Goes up only. */
export class Counter<Label extends string = never> extends Labelled<Label, BoundCounter> {
  /** @throws RobynError ROBYN_METRIC_INVALID for labels that are not its own, and for a step below 0. */
  inc(...given: [...LabelsOf<Label>, by?: number]): void {
    const by = typeof given.at(-1) === "number" ? Number(given.at(-1)) : 1;
    this.with(...withoutNumber<Label>(given)).inc(by);
  }

  protected override make(series: number): BoundCounter {
    return new BoundCounter(this.family, series);
  }
}

export class BoundCounter {
  readonly #cells: Float64Array;
  readonly #cell: number;

  constructor(family: Family, series: number) {
    const line = family.line(series, 0);
    this.#cells = family.chunk(line);
    this.#cell = cellAt(line);
  }

  inc(by = 1): void {
    if (!(by >= 0 && by < Infinity))
      throw invalid(
        `A counter was told to go up by ${by}.`,
        "It takes 0 and more; else use a gauge.",
      );
    this.#cells[this.#cell]! += by;
  }
}

/** Goes up and down. In a cluster the gauges of all living listeners become one: their sum, least or greatest. */
export class Gauge<Label extends string = never> extends Labelled<Label, BoundGauge> {
  set(...given: [...LabelsOf<Label>, value: number]): void {
    this.with(...withoutNumber<Label>(given)).set(Number(given.at(-1)));
  }

  inc(...given: [...LabelsOf<Label>, by?: number]): void {
    const by = typeof given.at(-1) === "number" ? Number(given.at(-1)) : 1;
    this.with(...withoutNumber<Label>(given)).inc(by);
  }

  dec(...given: [...LabelsOf<Label>, by?: number]): void {
    const by = typeof given.at(-1) === "number" ? Number(given.at(-1)) : 1;
    this.with(...withoutNumber<Label>(given)).inc(-by);
  }

  protected override make(series: number): BoundGauge {
    return new BoundGauge(this.family, series);
  }
}

export class BoundGauge {
  readonly #cells: Float64Array;
  readonly #cell: number;

  constructor(family: Family, series: number) {
    const { store, definition } = family;
    const line = family.line(series, metricPart[definition.sum ?? "sum"]);
    this.#cells = family.chunk(line);
    this.#cell = cellAt(line);
    // Of an earlier listener in this slot, whose value is not ours; first the value, then whose it is.
    this.#cells[this.#cell] = 0;
    this.#cells[this.#cell + 1] = store.incarnation;
  }

  get value(): number {
    return this.#cells[this.#cell]!;
  }

  set(value: number): void {
    this.#cells[this.#cell] = value;
  }

  inc(by = 1): void {
    this.#cells[this.#cell]! += by;
  }

  dec(by = 1): void {
    this.#cells[this.#cell]! -= by;
  }
}

/** Counts values by size: how many, their sum, and quantiles to within 6.25 %. */
export class Histogram<Label extends string = never> extends Labelled<Label, BoundHistogram> {
  observe(...given: [...LabelsOf<Label>, value: number]): void {
    this.with(...withoutNumber<Label>(given)).observe(Number(given.at(-1)));
  }

  protected override make(series: number): BoundHistogram {
    return new BoundHistogram(this.family, series);
  }
}

export class BoundHistogram {
  readonly #family: Family;
  readonly #series: number;
  readonly #cells: Float64Array;
  readonly #head: number;
  /** Lines of the octaves, made with the first value in them. */
  readonly #lines = new Int32Array(octaves);

  constructor(family: Family, series: number) {
    this.#family = family;
    this.#series = series;
    const line = family.line(series, headPart);
    this.#cells = family.chunk(line);
    this.#head = cellAt(line);
  }

  /** @throws RobynError ROBYN_METRIC_INVALID for what is no number: it would make the sum useless for ever. */
  observe(value: number): void {
    if (!Number.isFinite(value))
      throw invalid(`A histogram was told to observe ${value}.`, "It takes finite numbers.");
    const step = stepOf(value);
    if (step < 0) this.#cells[this.#head + head.below]! += 1;
    else if (step === steps) this.#cells[this.#head + head.above]! += 1;
    else this.#count(this.#lineOf(step >> 3), step & (stepsPerOctave - 1));
    this.#cells[this.#head + head.sum]! += value;
  }

  #count(line: number, step: number): void {
    this.#family.chunk(line)[cellAt(line, step)]! += 1;
  }

  #lineOf(octave: number): number {
    const known = this.#lines[octave]!;
    if (known !== 0) return known;
    return (this.#lines[octave] = this.#family.line(this.#series, octave + 1));
  }
}

function withoutNumber<Label extends string>(given: readonly unknown[]): LabelsOf<Label> {
  return (typeof given[0] === "object" ? [given[0]] : []) as LabelsOf<Label>;
}
