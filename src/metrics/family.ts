/** One metric with all its series: what it is, and how its series get their numbers. */
import type { Logger } from "../logger.ts";
import { type GaugeSum, lineBits, type MetricStore } from "../native/core.ts";
import { labelText } from "./names.ts";

export type Kind = "counter" | "gauge" | "histogram";

/** What is registered for everybody to read; two listeners that say the same mean the same. */
export interface Definition {
  readonly kind: Kind;
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Of a gauge: how listeners are added up. */
  readonly sum?: GaugeSum;
  /** Of a histogram: the range of `le`, as powers of two, and how many for each. */
  readonly buckets?: Buckets;
}

export interface Buckets {
  /** Exponents of two of the lowest and the highest `le`. */
  readonly from: number;
  readonly to: number;
  /** 1, 2, 4 or 8. */
  readonly perOctave: number;
}

/** What every label says of the series in which all are counted that are one too many. */
export const overflow = "<overflow>";

export class Family {
  readonly definition: Definition;
  readonly #store: () => MetricStore;
  readonly #logger: () => Logger;
  /** Most series in the whole cluster; 0: as many as the segment has space for. */
  readonly #limit: number;
  #number: number | undefined;
  #warned = false;

  constructor(
    definition: Definition,
    limit: number,
    store: () => MetricStore,
    logger: () => Logger,
  ) {
    this.definition = definition;
    this.#limit = limit;
    this.#store = store;
    this.#logger = logger;
  }

  get store(): MetricStore {
    return this.#store();
  }

  /** The series of these values; beyond the limit that of the overflow. @returns 0 if there is no space at all. */
  series(values: readonly string[]): number {
    return this.find(values) ?? this.overflow();
  }

  /** @returns undefined beyond the limit */
  find(values: readonly string[]): number | undefined {
    const family = this.#register();
    if (family === 0) return undefined;
    const text = labelText(this.definition.labels, values);
    return this.store.register(family, text, this.#limit);
  }

  overflow(): number {
    const { name, labels } = this.definition;
    if (!this.#warned) {
      this.#warned = true;
      this.#logger().warn(
        `the metric ${name} has more than ${this.#limit || "the possible number of"} series; ` +
          `what is new counts under ${labels.map((label) => `${label}="${overflow}"`).join(", ")}`,
      );
    }
    const family = this.#register();
    if (family === 0) return 0;
    const values = labels.map(() => overflow);
    return this.store.register(family, labelText(labels, values), 0) ?? 0;
  }

  /** The line of a part, 0 where there is none left: what is written there is dropped. */
  line(series: number, part: number): number {
    return series === 0 ? 0 : this.store.line(series, part);
  }

  /** The chunk in which `cellAt(line)` is. */
  chunk(line: number): Float64Array {
    return this.store.chunks[line >> lineBits]!;
  }

  #register(): number {
    return (this.#number ??= this.store.register(0, JSON.stringify(this.definition), 0) ?? 0);
  }
}
