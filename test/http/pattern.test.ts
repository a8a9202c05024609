import { describe, expect, test } from "bun:test";
import {
  comparePrecedence,
  matchPattern,
  parsePattern,
  shapeOf,
  PatternError,
  reason,
  type ReasonName,
} from "../../src/http/pattern.ts";
import { limits } from "../../src/limits.ts";

describe("a pattern", () => {
  test.each([
    ["/", "/", []],
    ["/users/:id", "/users/:", ["id"]],
    ["/users/:id/", "/users/:", ["id"]],
    ["/:a/:_b/*rest", "/:/:/*", ["a", "_b", "rest"]],
    ["/files/*", "/files/*", ["*"]],
    ["/files/*/", "/files/*", ["*"]],
    ["//a//", "//a//", []],
    ["/%61%2f%c3%a9", "/a%2F%C3%A9", []],
    ["/état", "/%C3%A9tat", []],
    ['/a b"^`', "/a%20b%22%5E%60", []],
    ["/a|b", "/a|b", []],
    ["/😀", "/%F0%9F%98%80", []],
    ["/...", "/...", []],
    ["/:__proto__/:constructor", "/:/:", ["__proto__", "constructor"]],
  ])("%j has the shape %j and the names %j", (source, shape, names) => {
    const pattern = parsePattern(source, false);
    expect(pattern).toMatchObject({ source, names });
    expect(shapeOf(pattern)).toBe(shape);
  });

  test("keeps its trailing slash where the table is strict", () => {
    expect(shapeOf(parsePattern("/a/", true))).toBe("/a/");
    expect(matchPattern(parsePattern("/a/", true), "/a")).toBeUndefined();
    expect(matchPattern(parsePattern("/a/*", true), "/a")).toEqual([""]);
  });

  test("takes a percent sign only before two hexadecimal digits, also beside what it encodes itself", () => {
    expect(shapeOf(parsePattern("/%25é", false))).toBe("/%25%C3%A9");
    expect(reasonOf("/%é")).toBe("bad_percent");
  });
});

describe("a refused pattern", () => {
  const refused: readonly (readonly [ReasonName, string, number])[] = [
    ["empty", "", 0],
    ["no_leading_slash", "users", 0],
    ["no_leading_slash", ":id", 0],
    ["no_leading_slash", "*", 0],
    ["bad_percent", "/%zz", 1],
    ["bad_percent", "/%4", 1],
    ["bad_percent", "/%", 1],
    ["control_byte", "/a\0b", 2],
    ["control_byte", "/a\x7f", 2],
    ["control_byte", "/%00", 1],
    ["control_byte", "/%7F", 1],
    ["dot_segment", "/a/../b", 3],
    ["dot_segment", "/.", 1],
    ["dot_segment", "/%2e%2E", 1],
    ["query_or_fragment", "/a?b", 2],
    ["query_or_fragment", "/a#b", 2],
    ["unknown_syntax", "/{id}", 1],
    ["unknown_syntax", "/<id>", 1],
    ["unknown_syntax", "/a\\b", 2],
    ["partial_parameter", "/a:b", 2],
    ["partial_parameter", "/a*", 2],
    ["name_invalid", "/:", 1],
    ["name_invalid", "/:1", 1],
    ["name_invalid", "/:a-b", 1],
    ["name_invalid", "/:é", 1],
    ["name_invalid", "/:id?", 1],
    ["name_duplicate", "/:a/:a", 4],
    ["name_duplicate", "/:a/*a", 4],
    ["rest_not_last", "/*/a", 1],
    ["rest_not_last", "/*rest/a", 1],
    ["rest_not_last", "/a/*//", 3],
    ["bad_utf8", "/\ud800", 1],
    ["bad_utf8", "/a/\udc00b", 3],
    ["bad_utf8", "/%C3", 1],
    ["bad_utf8", "/%ED%A0%80", 1],
    ["bad_utf8", "/%C0%AE", 1],
  ];

  // Where inside a segment the offset points is a matter of taste; that it lies in the segment is not.
  test.each(refused)("says %s of %j", (expected, source, segment) => {
    const error = errorOf(source);
    expect([error.refusal, error.reason]).toEqual(["pattern_invalid", expected]);
    expect(error.offset).toBeGreaterThanOrEqual(
      Math.min(segment, source.lastIndexOf("/", segment)),
    );
    expect(error.offset).toBeLessThanOrEqual(source.length);
  });

  test("every reason is among them", () => {
    const seen = new Set(refused.map(([name]) => name));
    expect(
      Object.keys(reason).filter((name) => name !== "none" && !seen.has(name as ReasonName)),
    ).toEqual([]);
  });
});

describe("limits of a pattern", () => {
  test("its bytes are counted as written", () => {
    const longest = `/${"a".repeat(limits.pattern_bytes_max - 1)}`;
    expect(parsePattern(longest, false).segments).toHaveLength(1);
    expect(errorOf(`${longest}a`).refusal).toBe("pattern_too_long");
    expect(shapeOf(parsePattern(`/${"é".repeat(511)}`, false))).toHaveLength(1 + 6 * 511);
    expect(errorOf(`/${"é".repeat(512)}`).refusal).toBe("pattern_too_long");
  });

  test("it has at most 16 parameters, a rest among them", () => {
    const parameters = (count: number) =>
      Array.from({ length: count }, (_, index) => `/:p${index}`).join("");
    expect(parsePattern(parameters(16), false).names).toHaveLength(16);
    expect(parsePattern(`${parameters(15)}/*`, false).names).toHaveLength(16);
    expect(errorOf(parameters(17)).refusal).toBe("too_many_parameters");
    expect(errorOf(`${parameters(16)}/*`).refusal).toBe("too_many_parameters");
  });
});

describe("matching one path", () => {
  test.each([
    ["/", "/", []],
    ["/", "//", undefined],
    ["/a", "/a", []],
    ["/a", "/A", undefined],
    ["/a", "/ab", undefined],
    ["/ab", "/a", undefined],
    ["/:id", "/7", ["7"]],
    ["/:id", "/", undefined],
    ["/:id", "/7/8", undefined],
    ["/:id", "/a%2Fb", ["a%2Fb"]],
    ["/a/:id/b", "/a//b", undefined],
    ["/a//b", "/a//b", []],
    ["/*", "/", [""]],
    ["/*", "/a/b", ["a/b"]],
    ["/*", "//", ["/"]],
    ["/*rest", "/", undefined],
    ["/*rest", "//", ["/"]],
    ["/files/*", "/files", [""]],
    ["/files/*", "/files/", [""]],
    ["/files/*", "/files/a/b", ["a/b"]],
    ["/files/*", "/filesa", undefined],
    ["/files/*rest", "/files", undefined],
    ["/files/*rest", "/files/", undefined],
    ["/files/*rest", "/files//", ["/"]],
    ["/:a/*", "/x", ["x", ""]],
    ["/:a/*", "/", undefined],
    ["/:a/:b/*rest", "/1/2/3/4", ["1", "2", "3/4"]],
  ])("%j on %j gives %j", (source, path, values) => {
    expect(matchPattern(parsePattern(source, true), path)).toEqual(values!);
  });
});

test("precedence: per segment a literal, then a parameter, then a rest; the shorter of equals first", () => {
  const ordered = [
    "/a",
    "/a/b",
    "/a/b/*",
    "/a/:x",
    "/a/:x/*",
    "/a/*",
    "/:x",
    "/:x/b",
    "/:x/*",
    "/*",
  ];
  const patterns = ordered.map((source) => parsePattern(source, false));
  const shuffled = [...patterns].reverse().toSorted(comparePrecedence);
  expect(shuffled.map(({ source }) => source)).toEqual(ordered);
});

function errorOf(source: string): PatternError {
  try {
    parsePattern(source, false);
  } catch (error) {
    if (error instanceof PatternError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(source)} was taken`);
}

function reasonOf(source: string): ReasonName {
  return errorOf(source).reason;
}
