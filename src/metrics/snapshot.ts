/** What a reading of the store says, in terms of metrics: families with their series, each with a number or a histogram. */
import type { MetricReading, MetricStore, MetricTotal } from "../native/core.ts";
import { type Distribution, head, headPart } from "./buckets.ts";
import type { Definition } from "./family.ts";
import { labelText } from "./names.ts";
import type { Collected, MetricRegistry } from "./registry.ts";

export type Value = number | Distribution;

export interface FamilySnapshot {
  readonly definition: Definition;
  /** By the text of the labels. */
  readonly series: Map<string, Value>;
}

/** Texts never change, so what a number means is read once. */
export class SeriesTexts {
  readonly #known = new Map<number, { parent: number; text: string }>();
  readonly #definitions = new Map<number, Definition>();

  of(store: MetricStore, series: number): { parent: number; text: string } {
    let found = this.#known.get(series);
    if (found === undefined) this.#known.set(series, (found = store.text(series)));
    return found;
  }

  definition(store: MetricStore, family: number): Definition {
    let found = this.#definitions.get(family);
    if (found === undefined) {
      found = JSON.parse(store.text(family).text) as Definition;
      this.#definitions.set(family, found);
    }
    return found;
  }
}

/** Ordered by name. The families that the answering listener defines win over those of other versions of the code. */
export function takeSnapshot(registry: MetricRegistry, texts: SeriesTexts): FamilySnapshot[] {
  const { store } = registry;
  const reading = store.read();
  const families = new Map<string, FamilySnapshot>();
  for (const { definition } of registry.families.values())
    families.set(definition.name, { definition, series: new Map() });
  for (const parts of bySeries(reading)) {
    const { parent, text } = texts.of(store, parts[0]!.series);
    const definition = texts.definition(store, parent);
    const family = familyOf(families, definition);
    if (!isCompatible(family.definition, definition)) continue;
    const value = valueOf(definition, parts);
    if (value !== undefined) add(family, text, value);
  }
  for (const { labels = {}, value, ...given } of collected(registry, reading)) {
    const names = Object.keys(labels);
    const family = familyOf(families, { ...given, labels: names });
    add(family, labelText(names, Object.values(labels)), value);
  }
  return [...families.values()]
    .filter(({ series }) => series.size > 0)
    .sort((left, right) => (left.definition.name < right.definition.name ? -1 : 1));
}

function familyOf(families: Map<string, FamilySnapshot>, definition: Definition): FamilySnapshot {
  let family = families.get(definition.name);
  if (family === undefined)
    families.set(definition.name, (family = { definition, series: new Map() }));
  return family;
}

/** A rolling reload may run two versions of an application: only one of two meanings of a name can be shown. */
function isCompatible(shown: Definition, other: Definition): boolean {
  return (
    shown === other ||
    (shown.kind === other.kind &&
      shown.sum === other.sum &&
      shown.labels.join() === other.labels.join())
  );
}

function* bySeries({ totals }: MetricReading): Generator<readonly MetricTotal[]> {
  for (let start = 0; start < totals.length;) {
    let end = start + 1;
    while (totals[end]?.series === totals[start]!.series) end++;
    yield totals.slice(start, end);
    start = end;
  }
}

/** @returns undefined for a gauge of nobody who lives: it is no 0, it is not there. */
function valueOf({ kind }: Definition, parts: readonly MetricTotal[]): Value | undefined {
  const [{ part, cells }] = parts as readonly [MetricTotal];
  if (kind === "counter") return cells[0]!;
  if (kind === "gauge") return cells[1] === 0 ? undefined : cells[0]!;
  const first = part === headPart ? cells : undefined;
  return {
    sum: first?.[head.sum] ?? 0,
    below: first?.[head.below] ?? 0,
    above: first?.[head.above] ?? 0,
    octaves: parts
      .filter((it) => it.part !== headPart)
      .map((it) => ({ octave: it.part - 1, counts: it.cells })),
  };
}

/** The same series may be there twice, where two versions of the code say other things of it (help, buckets). */
function add({ definition, series }: FamilySnapshot, labels: string, value: Value): void {
  const other = series.get(labels);
  series.set(labels, other === undefined ? value : combine(definition, other, value));
}

function combine({ sum }: Definition, left: Value, right: Value): Value {
  if (typeof left === "number" && typeof right === "number") {
    if (sum === "min") return Math.min(left, right);
    return sum === "max" ? Math.max(left, right) : left + right;
  }
  if (typeof left === "number" || typeof right === "number") return left;
  const merged = new Map(left.octaves.map(({ octave, counts }) => [octave, counts.slice()]));
  for (const { octave, counts } of right.octaves) {
    const into = merged.get(octave) ?? new Float64Array(counts.length);
    merged.set(
      octave,
      into.map((count, step) => count + counts[step]!),
    );
  }
  return {
    sum: left.sum + right.sum,
    below: left.below + right.below,
    above: left.above + right.above,
    octaves: [...merged]
      .map(([octave, counts]) => ({ octave, counts }))
      .sort((one, two) => one.octave - two.octave),
  };
}

function* collected(
  registry: MetricRegistry,
  { listenersAlive, listenersStarted }: MetricReading,
): Generator<Collected> {
  yield {
    kind: "gauge",
    name: "robyn_listeners",
    help: "Listeners that live, worker processes or their threads: those that start or drain among them.",
    value: listenersAlive,
  };
  yield {
    kind: "counter",
    name: "robyn_listeners_started_total",
    help: "Listeners ever started: more than there are means restarts.",
    value: listenersStarted,
  };
  for (const collect of registry.collectors) yield* collect();
}
