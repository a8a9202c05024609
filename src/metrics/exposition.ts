/**
 * The two text formats: Prometheus 0.0.4 ("Exposition formats") and OpenMetrics 1.0.0. Both spell `le` as OpenMetrics
 * demands ("1.0"), so that a series keeps its name whichever of them a scraper asks for.
 */
import { countOf, type Distribution, octave_first, stepsPerOctave, upperEnd } from "./buckets.ts";
import type { Buckets } from "./family.ts";
import { escapeHelp } from "./names.ts";
import type { FamilySnapshot } from "./snapshot.ts";

export type Format = "prometheus" | "openmetrics";

export const contentTypes: Readonly<Record<Format, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Prometheus sends the types that it takes with weights; who asks for neither gets the older format. */
export function formatOf(accept: string | null): Format {
  let weights = { openmetrics: 0, prometheus: 0 };
  for (const member of (accept ?? "").split(",", 32)) {
    const [type = "", ...parameters] = member.split(";").map((it) => it.trim().toLowerCase());
    const version = parameters.find((it) => it.startsWith("version="))?.slice(8);
    const weight = Number(parameters.find((it) => it.startsWith("q="))?.slice(2) ?? 1);
    if (Number.isNaN(weight)) continue;
    const isKnown = version === undefined || version === "1.0.0" || version === "0.0.1";
    if (type === "application/openmetrics-text" && isKnown)
      weights.openmetrics = Math.max(weights.openmetrics, weight);
    if (type === "text/plain") weights.prometheus = Math.max(weights.prometheus, weight);
  }
  return weights.openmetrics > 0 && weights.openmetrics >= weights.prometheus
    ? "openmetrics"
    : "prometheus";
}

/** @param full every step that has values, instead of the `le` of the definition: exact to 6.25 %, not for Prometheus. */
export function expose(families: readonly FamilySnapshot[], format: Format, full: boolean): string {
  const lines: string[] = [];
  for (const family of families) exposeFamily(lines, family, format, full);
  if (format === "openmetrics") lines.push("# EOF");
  lines.push("");
  return lines.join("\n");
}

function exposeFamily(
  lines: string[],
  { definition, series }: FamilySnapshot,
  format: Format,
  full: boolean,
): void {
  const { name, kind, help, buckets } = definition;
  const isOpen = format === "openmetrics";
  // In OpenMetrics the family of a counter has no suffix, only its sample has.
  const family = isOpen && kind === "counter" ? name.replace(/_total$/, "") : name;
  lines.push(`# HELP ${family} ${escapeHelp(help, isOpen)}`, `# TYPE ${family} ${kind}`);
  const unit = /_(seconds|bytes|ratio|celsius|meters|grams|joules|volts|amperes)$/.exec(
    family,
  )?.[1];
  if (isOpen && unit !== undefined) lines.push(`# UNIT ${family} ${unit}`);
  for (const [labels, value] of series) {
    if (typeof value === "number") lines.push(`${name}${shorten(labels)} ${numberText(value)}`);
    else if (buckets !== undefined) exposeHistogram(lines, name, labels, value, buckets, full);
  }
}

function exposeHistogram(
  lines: string[],
  name: string,
  labels: string,
  value: Distribution,
  buckets: Buckets,
  full: boolean,
): void {
  const open = labels === "{}" ? "{" : `${labels.slice(0, -1)},`;
  const count = countOf(value);
  const ends = full ? filledSteps(value) : stepsOf(buckets);
  let at = 0;
  let sum = value.below;
  for (const step of ends) {
    const octave = Math.floor(step / stepsPerOctave);
    for (; at < value.octaves.length && value.octaves[at]!.octave < octave; at++)
      for (const one of value.octaves[at]!.counts) sum += one;
    let upTo = sum;
    const last = value.octaves[at];
    if (last?.octave === octave)
      for (let it = 0; it <= step % stepsPerOctave; it++) upTo += last.counts[it]!;
    lines.push(`${name}_bucket${open}le="${canonical(upperEnd(step))}"} ${numberText(upTo)}`);
  }
  lines.push(
    `${name}_bucket${open}le="+Inf"} ${numberText(count)}`,
    `${name}_sum${shorten(labels)} ${numberText(value.sum)}`,
    `${name}_count${shorten(labels)} ${numberText(count)}`,
  );
}

/** The steps that end where `le` is. */
function stepsOf({ from, to, perOctave }: Buckets): number[] {
  const width = stepsPerOctave / perOctave;
  const lowest = (from - octave_first) * stepsPerOctave - 1;
  const count = (to - from) * perOctave + 1;
  return Array.from({ length: count }, (_, index) => lowest + index * width).filter(
    (step) => step >= 0,
  );
}

function filledSteps({ octaves }: Distribution): number[] {
  return octaves.flatMap(({ octave, counts }) =>
    [...counts].flatMap((count, step) => (count === 0 ? [] : [octave * stepsPerOctave + step])),
  );
}

function shorten(labels: string): string {
  return labels === "{}" ? "" : labels;
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

/** OpenMetrics 1.0.0, "Numbers": a float that is whole is written with ".0". */
function canonical(value: number): string {
  const text = String(value);
  return /^\d+$/.test(text) ? `${text}.0` : text;
}
