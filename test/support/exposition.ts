/** A strict reader of both text formats: what it takes, a scraper takes. Written from the specifications, not from the writer. */

export interface Family {
  readonly name: string;
  readonly type: string;
  help?: string;
  unit?: string;
  readonly samples: Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};

/** @throws Error naming the line */
export function readExposition(text: string, format: "prometheus" | "openmetrics"): Family[] {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let pendingHelp: [string, string] | undefined;
  const seen = new Set<string>();
  for (const line of lines) {
    const fail = (why: string) => new Error(`${why}: ${line}`);
    const comment = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment !== null) {
      const [, what, name = "", rest = ""] = comment;
      if (what === "HELP") {
        if (families.has(name)) throw fail("a family in two parts");
        pendingHelp = [name, unescape(rest)];
      } else if (what === "TYPE") {
        if (families.has(name) || suffixes[rest] === undefined) throw fail("bad type");
        current = { name, type: rest, samples: [] };
        if (pendingHelp?.[0] === name) current.help = pendingHelp[1];
        families.set(name, current);
      } else {
        if (format !== "openmetrics" || current?.name !== name) throw fail("UNIT out of place");
        if (!name.endsWith(`_${rest}`)) throw fail("the unit is not in the name");
        current.unit = rest;
      }
      continue;
    }
    if (line.startsWith("#") || line === "") throw fail("no line of this format");
    const sample = readSample(line);
    if (current === undefined) throw fail("a sample without a family");
    const known =
      format === "prometheus" && current.type === "counter" ? [""] : suffixes[current.type]!;
    if (!known.some((it) => `${current!.name}${it}` === sample.name)) throw fail("another family");
    const identity = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(identity)) throw fail("twice");
    seen.add(identity);
    current.samples.push(sample);
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family);
  return [...families.values()];
}

function readSample(line: string): Sample {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line)?.[1];
  if (head === undefined) throw new Error(`no name: ${line}`);
  const labels: Record<string, string> = {};
  let at = head.length;
  if (line[at] === "{") {
    at++;
    while (line[at] !== "}") {
      const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/y;
      pair.lastIndex = at;
      const found = pair.exec(line);
      if (found === null || found[1]! in labels) throw new Error(`bad label at ${at}: ${line}`);
      labels[found[1]!] = unescape(found[2]!);
      at = pair.lastIndex;
      if (line[at] === ",") at++;
    }
    at++;
  }
  const value = /^ ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/.exec(line.slice(at))?.[1];
  if (value === undefined) throw new Error(`bad value: ${line}`);
  return { name: head, labels, value: Number(value.replace("Inf", "Infinity")) };
}

/** Ascending `le` up to +Inf, cumulative counts, `_count` equal to the last. */
function checkHistogram({ name, samples }: Family): void {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, own] of series) {
    const buckets = own.filter((it) => it.name === `${name}_bucket`);
    const ends = buckets.map(({ labels: { le = "" } }) => Number(le.replace("+Inf", "Infinity")));
    const isAscending = ends.every((end, index) => index === 0 || end > ends[index - 1]!);
    const counts = buckets.map(({ value }) => value);
    const isCumulative = counts.every((count, index) => index === 0 || count >= counts[index - 1]!);
    const count = own.find((it) => it.name === `${name}_count`)?.value;
    const hasSum = own.some((it) => it.name === `${name}_sum`);
    if (
      !isAscending ||
      !isCumulative ||
      ends.at(-1) !== Infinity ||
      count !== counts.at(-1) ||
      !hasSum
    )
      throw new Error(`${name}${labels} is no histogram`);
  }
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, it: string) => (it === "n" ? "\n" : it));
}

/** The sum of all samples of this name whose labels are those given. */
export function sumOf(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return families
    .flatMap(({ samples }) => samples)
    .filter((it) => it.name === name)
    .filter((it) => Object.entries(labels).every(([key, value]) => it.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
