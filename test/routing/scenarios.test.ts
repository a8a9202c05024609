/** The tables of `test/scenarios`, which the Zig tests read too: what one language decides, both decide. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { VerdictName } from "../../src/http/path.ts";
import type { Core, Refusal, RouteTable } from "../../src/native/core.ts";
import { cores } from "../support/cores.ts";
import { read } from "./compare.ts";

type Definition = readonly [method: string, pattern: string];

interface RefusedRoute {
  readonly route: Definition;
  readonly status: Refusal["status"];
  readonly reason?: Refusal["reason"];
  /** Endpoint of the route that stands in the way. */
  readonly with?: number;
}

interface Case {
  readonly method: string;
  readonly url: string | { readonly repeat: readonly [string, string, number, string?] };
  readonly route?: number;
  /** In canonical spelling, still encoded: Zig decodes nothing. */
  readonly values?: readonly string[];
  /** Decoded, by name. */
  readonly params?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly verdict?: VerdictName;
  readonly allowed?: readonly string[];
}

interface Scenario {
  readonly title: string;
  readonly strict?: boolean;
  readonly routes: readonly Definition[];
  readonly refused?: readonly RefusedRoute[];
  readonly cases: readonly Case[];
}

const directory = join(import.meta.dir, "..", "scenarios");
const files = readdirSync(directory).filter((name) => name.endsWith(".json"));

const scenarioFields = ["title", "strict", "routes", "refused", "cases"];
const caseFields = ["method", "url", "route", "values", "params", "path", "verdict", "allowed"];

test("there are scenarios, and their fields are the known ones", () => {
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    for (const scenario of scenariosOf(file)) {
      expect(unknownFields(scenario, scenarioFields)).toEqual([]);
      for (const it of scenario.cases) {
        expect(unknownFields(it, caseFields)).toEqual([]);
        expect([it.route === undefined, it.verdict === undefined]).toContain(false);
      }
    }
  }
});

for (const core of cores) {
  for (const file of files) {
    describe(`${file} on ${core.name}`, () => {
      for (const scenario of scenariosOf(file)) {
        test(scenario.title, () => run(core, scenario));
      }
    });
  }
}

function run(core: Core, scenario: Scenario): void {
  const table = core.createRouteTable({ strict: scenario.strict ?? false });
  try {
    for (const [endpoint, [method, pattern]] of scenario.routes.entries()) {
      expect([pattern, table.insert(method, pattern, endpoint)]).toEqual([pattern, undefined]);
    }
    for (const refused of scenario.refused ?? []) checkRefused(table, refused);
    table.seal();
    for (const it of scenario.cases) checkCase(table, it, scenario.routes);
  } finally {
    table.destroy();
  }
}

function checkRefused(table: RouteTable, refused: RefusedRoute): void {
  const [method, pattern] = refused.route;
  const refusal = table.insert(method, pattern, 60_000);
  const expected: Partial<Refusal> = {
    status: refused.status,
    ...(refused.reason === undefined ? {} : { reason: refused.reason }),
    ...(refused.with === undefined ? {} : { conflict: refused.with }),
  };
  expect({ pattern, ...refusal }).toMatchObject({ pattern, ...expected });
}

function checkCase(table: RouteTable, it: Case, routes: readonly Definition[]): void {
  const url = typeof it.url === "string" ? it.url : repeat(...it.url.repeat);
  const request = { method: it.method, url: url.slice(0, 200) };
  const outcome = read(table, { method: it.method, url });
  const expected: Record<string, unknown> = { ...request };
  const actual: Record<string, unknown> = { ...request };
  const compare = (name: string, right: unknown, given: unknown) => {
    if (right === undefined) return;
    expected[name] = right;
    actual[name] = given;
  };
  compare("verdict", it.verdict ?? "found", outcome.verdict);
  compare("route", it.route, outcome.endpoint);
  compare("values", it.values?.map(decodeURIComponent), outcome.values);
  compare("path", it.path, outcome.path);
  compare("allowed", it.allowed, outcome.allowed);
  compare("params", it.params, it.route === undefined ? {} : byName(routes[it.route]!, outcome));
  expect(actual).toEqual(expected);
}

function byName(
  [, pattern]: Definition,
  { values = [] }: { readonly values?: readonly string[] },
): Record<string, string> {
  const sigils = pattern.split("/").filter((segment) => /^[:*]/.test(segment));
  const names = sigils.map((segment) => (segment === "*" ? "*" : segment.slice(1)));
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""]));
}

function repeat(prefix: string, piece: string, times: number, suffix = ""): string {
  return prefix + piece.repeat(times) + suffix;
}

/** A file holds one scenario or a list of them. */
function scenariosOf(file: string): readonly Scenario[] {
  const content: Scenario | readonly Scenario[] = JSON.parse(
    readFileSync(join(directory, file), "utf8"),
  );
  return isList(content) ? content : [content];
}

function isList(content: Scenario | readonly Scenario[]): content is readonly Scenario[] {
  return Array.isArray(content);
}

function unknownFields(record: object, known: readonly string[]): string[] {
  return Object.keys(record).filter((name) => !known.includes(name));
}
