/**
 * Whether a hook runs is decided by `coverage` once and by `matchPattern` per request. A wrong `always` runs a hook
 * where it must not; a wrong `never` lets a request pass a guard. Small patterns are few enough to try every pair on
 * every path, which finds what random pairs find only now and then.
 */
import { expect, test } from "bun:test";
import {
  comparePrecedence,
  coverage,
  matchPattern,
  parsePattern,
  shapeOf,
  type Pattern,
} from "../../src/http/pattern.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

/** Up to three segments of each kind, with and without a rest. */
const patterns = everyPattern(["a", "b", "", ":x", "%2F"], 3);
/** Longer than every pattern, over segments that tell all of theirs apart. */
const paths = joined(["a", "b", "c", "", "%2F"], 4);
const matched = new Map(
  patterns.map((pattern) => [
    pattern,
    new Set(paths.filter((path) => matchPattern(pattern, path) !== undefined)),
  ]),
);

test("a cover that always holds matches every path of the route, one that never holds matches none", () => {
  const seen = { always: 0, never: 0, depends: 0 };
  const wrong: string[] = [];
  for (const cover of patterns) {
    const covered = matched.get(cover)!;
    for (const route of patterns) {
      const relation = coverage(cover, route);
      seen[relation]++;
      if (relation === "depends") continue;
      const isAlways = relation === "always";
      for (const path of matched.get(route)!) {
        if (covered.has(path) === isAlways) continue;
        wrong.push(`${cover.source} over ${route.source}: ${relation}, yet ${path}`);
        break;
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(seen.always).toBeGreaterThan(1_000);
  expect(seen.never).toBeGreaterThan(20_000);
});

test("a pattern always covers itself, and a bare rest covers everything", () => {
  const everything = parsePattern("/*", true);
  for (const pattern of patterns) {
    expect([pattern.source, coverage(pattern, pattern)]).toEqual([pattern.source, "always"]);
    expect([pattern.source, coverage(everything, pattern)]).toEqual([pattern.source, "always"]);
  }
});

test("two patterns of different shape that match one path are never of equal rank", () => {
  for (const [index, left] of patterns.entries()) {
    for (const right of patterns.slice(index + 1)) {
      if (comparePrecedence(left, right) !== 0 || shapeOf(left) === shapeOf(right)) continue;
      const common = [...matched.get(left)!].find((path) => matched.get(right)!.has(path));
      if (common !== undefined)
        throw new Error(`${left.source} and ${right.source} both match ${common}`);
    }
  }
});

test("precedence is an order: antisymmetric and transitive", () => {
  const seed = seedOfRun();
  const random = createRandom(seed);
  const sign = (left: Pattern, right: Pattern) => Math.sign(comparePrecedence(left, right));
  for (let count = 0; count < 20_000; count++) {
    const three = [random.pick(patterns), random.pick(patterns), random.pick(patterns)] as const;
    const [first, second, third] = three;
    const isOrder =
      sign(first, second) === 0 - sign(second, first) &&
      (sign(first, second) >= 0 || sign(second, third) >= 0 || sign(first, third) < 0);
    if (!isOrder)
      throw new Error(`ROBYN_SEED=${seed}: ${three.map(({ source }) => source).join(", ")}`);
  }
});

function everyPattern(segments: readonly string[], depth: number): Pattern[] {
  const bases = ["", ...joined(segments, depth)];
  const sources = bases.flatMap((base) => [
    ...(base === "" ? [] : [base]),
    ...(base.split("/").length > depth ? [] : [`${base}/*`, `${base}/*rest`]),
  ]);
  return sources.map((source) => {
    let index = 0;
    return parsePattern(
      source.replace(/:x/g, () => `:x${index++}`),
      true,
    );
  });
}

/** Every text of one to `depth` segments. */
function joined(segments: readonly string[], depth: number): string[] {
  let longest = [""];
  const all: string[] = [];
  for (let level = 0; level < depth; level++) {
    longest = longest.flatMap((path) => segments.map((segment) => `${path}/${segment}`));
    all.push(...longest);
  }
  return all;
}
