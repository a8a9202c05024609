/** Names, labels and their texts, as Prometheus and OpenMetrics define them. */
import { RobynError } from "../errors.ts";

export type LabelValue = string | number | boolean;

/** Longest value of a label in UTF-16 units; a longer one is cut. As long as the longest pattern of a route. */
const value_max = 1_024;
const labels_max = 10;
const help_max = 1_024;

/** @throws RobynError ROBYN_METRIC_INVALID */
export function checkName(
  kind: string,
  name: string,
  help: string,
  labels: readonly string[],
): void {
  if (typeof name !== "string" || !/^[a-z_][a-z0-9_]{0,199}$/.test(name)) {
    throw invalid(
      `The ${kind} was given the name ${JSON.stringify(name)}.`,
      "A name is snake_case: lower-case letters, digits and underscores, at most 200.",
    );
  }
  if (kind === "counter" && !name.endsWith("_total"))
    throw invalid(`The counter ${name} does not end with "_total".`, `Call it ${name}_total.`);
  if (kind !== "counter" && /_(?:total|bucket|count|sum|created)$/.test(name)) {
    throw invalid(
      `The ${kind} ${name} ends with a suffix that has a meaning of its own.`,
      "Names that end with _total, _bucket, _count, _sum or _created are made from other names.",
    );
  }
  if (typeof help !== "string" || help.trim() === "" || help.length > help_max)
    throw invalid(`The ${kind} ${name} was given no help text.`, "Say in one sentence what it is.");
  checkLabels(kind, name, labels);
}

function checkLabels(kind: string, name: string, labels: readonly string[]): void {
  if (labels.length > labels_max || new Set(labels).size !== labels.length) {
    throw invalid(
      `The ${kind} ${name} was given the labels ${labels.join(", ")}.`,
      `It takes at most ${labels_max} labels, each once.`,
    );
  }
  for (const label of labels) {
    if (/^[a-zA-Z_][a-zA-Z0-9_]{0,99}$/.test(label) && !label.startsWith("__") && label !== "le")
      continue;
    throw invalid(
      `The ${kind} ${name} was given the label ${JSON.stringify(label)}.`,
      'A label is letters, digits and underscores; "le" and names that begin with "__" are taken.',
    );
  }
}

export function invalid(message: string, fix: string): RobynError {
  return new RobynError("ROBYN_METRIC_INVALID", message, fix);
}

/** `{method="GET",route="/"}`; `{}` without labels. Never empty, so it can be registered. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  const pairs = names.map((name, index) => `${name}="${escapeValue(values[index] ?? "")}"`);
  return `{${pairs.join(",")}}`;
}

/** Backslash, quote and line feed (exposition format, "Comments, help text, and type information"). */
export function escapeValue(value: string): string {
  const short = value.length > value_max ? value.slice(0, value_max) : value;
  return short.toWellFormed().replace(/[\\"\n]/g, (it) => (it === "\n" ? "\\n" : `\\${it}`));
}

/** OpenMetrics escapes the quote in help texts, the older format does not and shows the backslash. */
export function escapeHelp(help: string, openMetrics: boolean): string {
  const escaped = help.replace(/[\\\n]/g, (it) => (it === "\n" ? "\\n" : "\\\\"));
  return openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
}
