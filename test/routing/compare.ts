/** Holds the cores against the specification, and cuts what they disagree on down to one route table and one URL. */
import { verdict, type VerdictName } from "../../src/http/path.ts";
import type { Core, Refusal, RouteTable } from "../../src/native/core.ts";
import { createRandom, seedOfPart } from "../support/random.ts";
import { randomTable, type Table } from "./generate-table.ts";
import { type Probe, randomProbe } from "./generate-url.ts";
import { type AcceptableRefusal, type Outcome, Specification } from "./specification.ts";

export interface Difference {
  readonly table: Table;
  /** Absent where the definitions already differ. */
  readonly probe?: Probe;
  readonly core: string;
  readonly expected: string;
  readonly actual: string;
}

/** How much a run has seen, so that a generator that no longer hits anything is noticed. */
export interface Tally {
  tables: number;
  cases: number;
  refusals: Record<string, number>;
  verdicts: Record<string, number>;
}

/** Told of every case before a core sees it: a core that takes the process with it leaves the case behind. */
export type Trace = (table: Table, probe: Probe) => void;

export function newTally(): Tally {
  return { tables: 0, cases: 0, refusals: {}, verdicts: {} };
}

/** Runs table number `index` of a run. @returns the first difference, as small as it could be made. */
export function runTable(
  cores: readonly Core[],
  seed: number,
  index: number,
  probesCount: number,
  tally: Tally,
  trace?: Trace,
): Difference | undefined {
  const random = createRandom(seedOfPart(seed, index));
  const table = randomTable(random);
  const probes = Array.from({ length: probesCount }, () => randomProbe(random, table));
  tally.tables++;
  const difference = firstDifference(cores, table, probes, tally, trace);
  return difference === undefined ? undefined : shrink(cores, difference);
}

export function firstDifference(
  cores: readonly Core[],
  table: Table,
  probes: readonly Probe[],
  tally: Tally = newTally(),
  trace?: Trace,
): Difference | undefined {
  const specification = new Specification(table.strict);
  const tables = cores.map((core) => core.createRouteTable({ strict: table.strict }));
  try {
    for (const [endpoint, [method, pattern]] of table.routes.entries()) {
      const right = specification.insert(method, pattern, endpoint);
      const given = tables.map((it) => attempt(() => it.insert(method, pattern, endpoint)));
      const wrong = given.findIndex(
        (refusal) => !isRight(refusal, right) || show(refusal) !== show(given[0]),
      );
      count(tally.refusals, right[0]?.status ?? "taken");
      if (wrong < 0) continue;
      return {
        table: { ...table, routes: table.routes.slice(0, endpoint + 1) },
        core: cores[wrong]!.name,
        expected: isRight(given[wrong]!, right) ? `as portable: ${show(given[0])}` : words(right),
        actual: show(given[wrong]),
      };
    }
    for (const it of tables) it.seal();
    for (const probe of probes) {
      const outcome = specification.find(probe.method, probe.url);
      const expected = JSON.stringify(outcome);
      tally.cases++;
      trace?.(table, probe);
      count(tally.verdicts, outcome.verdict);
      for (const [index, it] of tables.entries()) {
        const actual = JSON.stringify(attempt(() => read(it, probe)));
        if (actual !== expected)
          return { table, probe, core: cores[index]!.name, expected, actual };
      }
    }
    return undefined;
  } finally {
    for (const it of tables) it.destroy();
  }
}

/** Everything that a find tells, in the words of the specification. */
export function read(table: RouteTable, { method, url }: Probe): Outcome {
  const found = table.find(table.methodId(method), url);
  if (found >= 0) {
    const values = Array.from({ length: table.valuesCount }, (_, index) => table.value(index));
    return { verdict: "found", endpoint: found, values, path: table.path() };
  }
  const name = verdictNames[found] ?? (`verdict ${found}` as VerdictName);
  if (name === "not_found") return { verdict: name, path: table.path() };
  if (name !== "method_not_allowed") return { verdict: name };
  return { verdict: name, path: table.path(), allowed: table.allowed() };
}

/** One route table and one URL, ready to become a scenario. */
export function describeDifference(difference: Difference, seed: number): string {
  const { table, probe, core, expected, actual } = difference;
  return [
    `${core} differs from the specification (replay with ROBYN_SEED=${seed})`,
    `  table    ${quote(table)}`,
    ...(probe === undefined ? [] : [`  request  ${quote([probe.method, probe.url])}`]),
    `  expected ${expected}`,
    `  actual   ${actual}`,
  ].join("\n");
}

function shrink(cores: readonly Core[], first: Difference): Difference {
  let smallest = first;
  // Each round tries every smaller neighbour once; a few thousand tries end it in any case.
  for (let tries = 0; tries < 3_000;) {
    const before = smallest;
    for (const { table, probe } of neighbours(smallest)) {
      if (++tries > 3_000) break;
      const next = firstDifference(cores, table, probe === undefined ? [] : [probe]);
      if (next === undefined || (next.probe === undefined) !== (first.probe === undefined))
        continue;
      smallest = next;
      break;
    }
    if (smallest === before) break;
  }
  return smallest;
}

function* neighbours({ table, probe }: Difference): Generator<{ table: Table; probe?: Probe }> {
  const { routes } = table;
  for (const index of routes.keys())
    if (routes.length > 1 || probe !== undefined)
      yield { table: { ...table, routes: routes.toSpliced(index, 1) }, probe };
  if (probe !== undefined)
    for (const url of shorter(probe.url)) yield { table, probe: { ...probe, url } };
  for (const [index, [method, pattern]] of routes.entries())
    for (const shorterPattern of shorter(pattern))
      yield { table: { ...table, routes: routes.with(index, [method, shorterPattern]) }, probe };
  if (table.strict) yield { table: { ...table, strict: false }, probe };
}

function* shorter(text: string): Generator<string> {
  for (let size = text.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at < text.length; at += size) yield text.slice(0, at) + text.slice(at + size);
}

const verdictNames = Object.fromEntries(
  Object.entries(verdict).map(([name, value]) => [value, name as VerdictName]),
);

function attempt<Result>(run: () => Result): Result | { readonly threw: string } {
  try {
    return run();
  } catch (error) {
    return { threw: String(error) };
  }
}

function isRight(
  refusal: Refusal | { readonly threw: string } | undefined,
  right: readonly AcceptableRefusal[],
): boolean {
  if (refusal === undefined) return right.length === 0;
  if ("threw" in refusal) return false;
  return right.some(
    ({ status, reasons, conflict }) =>
      status === refusal.status &&
      reasons.has(refusal.reason) &&
      (status !== "conflict" || conflict === refusal.conflict),
  );
}

function show(refusal: Refusal | { readonly threw: string } | undefined): string {
  if (refusal === undefined) return "taken";
  if ("threw" in refusal) return refusal.threw;
  return [
    refusal.status,
    ...(refusal.status === "pattern_invalid" ? [refusal.reason] : []),
    ...(refusal.status === "conflict" ? [refusal.conflict] : []),
  ].join(" ");
}

function words(right: readonly AcceptableRefusal[]): string {
  const options = right.map(({ status, reasons, conflict }) =>
    show({ status, reason: [...reasons].join("|") as Refusal["reason"], offset: 0, conflict }),
  );
  return options.join(" or ") || "taken";
}

/** JSON, with lone surrogates and control characters escaped, and repetition cut out of long texts. */
export function quote(value: unknown): string {
  return JSON.stringify(value).replace(
    /(.{1,4}?)\1{60,}/g,
    (all, piece: string) => `${piece}⟨×${all.length / piece.length}⟩`,
  );
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
