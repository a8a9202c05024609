/** The grammar of multipart bodies, whatever the pieces they come in. */
import { describe, expect, test } from "bun:test";
import { boundaryOf, MultipartParser } from "../../src/request/multipart-parser.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

interface Part {
  head: string;
  data: string;
}

/** Feeds `body` cut at `cuts` and collects what comes out. */
function parse(body: string | Uint8Array, cuts: (left: number) => number = (left) => left): Part[] {
  const parser = new MultipartParser("b", 100);
  const bytes = Buffer.from(body);
  const parts: Part[] = [];
  let open: Part | undefined;
  for (let at = 0; at < bytes.length;) {
    const size = Math.max(1, cuts(bytes.length - at));
    for (const event of parser.feed(bytes.subarray(at, at + size))) {
      if (event.kind === "head") open = { head: event.bytes.toString("latin1"), data: "" };
      else if (event.kind === "data") open!.data += event.bytes.toString("latin1");
      else {
        parts.push(open!);
        open = undefined;
      }
    }
    at += size;
  }
  parser.finish();
  return parts;
}

const two = "--b\r\nA: 1\r\n\r\none\r\n--b\r\nB: 2\r\nC: 3\r\n\r\n\r\n--b--\r\n";

describe("a form", () => {
  test.each<[string, string, Part[]]>([
    [
      "has its parts in order",
      two,
      [
        { head: "A: 1", data: "one" },
        { head: "B: 2\r\nC: 3", data: "" },
      ],
    ],
    ["may have none", "--b--", []],
    [
      "may have text before and after",
      `hello\r\n--b\r\nA: 1\r\n\r\none\r\n--b--bye\r\n--b\r\n`,
      [{ head: "A: 1", data: "one" }],
    ],
    [
      "may have blanks behind a boundary",
      "--b \t \r\nA: 1\r\n\r\nx\r\n--b--",
      [{ head: "A: 1", data: "x" }],
    ],
    [
      "may have a part whose head ends at the boundary",
      "--b\r\nA: 1\r\n\r\n--b--",
      [{ head: "A: 1", data: "" }],
    ],
    ["may have a part without a head", "--b\r\n\r\nx\r\n--b--", [{ head: "", data: "x" }]],
    [
      "keeps what only resembles a boundary",
      "--b\r\nA: 1\r\n\r\n-- b\r\n-b\r\r\n--\r\n --b\n--b\r\n--b--",
      [{ head: "A: 1", data: "-- b\r\n-b\r\r\n--\r\n --b\n--b" }],
    ],
  ])("%s", (_, body, parts) => {
    expect(parse(body)).toEqual(parts);
    expect(parse(body, () => 1)).toEqual(parts);
  });

  test.each<[string, string]>([
    ["is empty", ""],
    ["never begins", "hello"],
    ["ends in a head", "--b\r\nA: 1"],
    ["ends in a part", "--b\r\nA: 1\r\n\r\none"],
    ["ends behind a boundary", "--b\r\nA: 1\r\n\r\none\r\n--b"],
    ["ends between the dashes", "--b\r\nA: 1\r\n\r\none\r\n--b-"],
    ["goes on behind a boundary", "--b\r\nA: 1\r\n\r\none\r\n--bc\r\n\r\n--b--"],
    ["goes on behind the first dash", "--b\r\nA: 1\r\n\r\none\r\n--b-c"],
    ["has a bare line feed behind a boundary", "--b\nA: 1\r\n\r\none\r\n--b--"],
    ["has a hundred blanks behind a boundary", `--b${" ".repeat(100)}\r\nA: 1\r\n\r\none\r\n--b--`],
  ])("that %s is refused with 400", (_, body) => {
    for (const cuts of [(left: number) => left, () => 1])
      expect(() => parse(body, cuts)).toThrow(expect.objectContaining({ status: 400 }));
  });

  test("with a head longer than the limit is refused with 413", () => {
    const body = (length: number) => `--b\r\n${"a".repeat(length)}\r\n\r\none\r\n--b--`;
    expect(parse(body(100))).toHaveLength(1);
    for (const cuts of [(left: number) => left, () => 1])
      expect(() => parse(body(101), cuts)).toThrow(expect.objectContaining({ status: 413 }));
  });

  test("reads the same however it is cut", () => {
    const seed = seedOfRun();
    const { below, pick } = createRandom(seed);
    const alphabet = ["\r", "\n", "-", "--b", "\r\n--", "a", "\r\n\r\n", "\r\n"];
    for (let round = 0; round < 2_000; round++) {
      const noise = () => Array.from({ length: below(8) }, () => pick(alphabet)).join("");
      const body = `--b\r\nA: 1\r\n\r\n${noise()}\r\n--b\r\nB: 2\r\n\r\n${noise()}\r\n--b--${noise()}`;
      const whole = outcome(() => parse(body));
      const pieces = outcome(() => parse(body, (left) => 1 + below(Math.min(left, 9))));
      expect({ seed, body, result: pieces }).toEqual({ seed, body, result: whole });
    }
  });
});

test("time is linear in the size, whole or byte by byte", () => {
  const time = (body: string, cuts: (left: number) => number): number => {
    const parser = new MultipartParser("b", 1 << 20);
    const bytes = Buffer.from(body);
    const start = performance.now();
    for (let at = 0; at < bytes.length;) {
      const size = cuts(bytes.length - at);
      for (const _ of parser.feed(bytes.subarray(at, at + size)));
      at += size;
    }
    return performance.now() - start;
  };
  const shapes: [string, (size: number) => string, (left: number) => number][] = [
    [
      "almost boundaries",
      (size) => `--b\r\nA: 1\r\n\r\n${"\r\n--".repeat(size / 4)}`,
      (left) => left,
    ],
    ["a head byte by byte", (size) => `--b\r\n${"a".repeat(size / 8)}`, () => 1],
    [
      "carriage returns byte by byte",
      (size) => `--b\r\nA: 1\r\n\r\n${"\r".repeat(size / 8)}`,
      () => 1,
    ],
    ["small parts", (size) => "--b\r\nA: 1\r\n\r\nx\r\n".repeat(size / 16), (left) => left],
  ];
  for (const [name, make, cuts] of shapes) {
    const best = (size: number) =>
      Math.min(...Array.from({ length: 3 }, () => time(make(size), cuts)));
    best(1 << 16);
    const [small, large] = [best(1 << 17), best(1 << 20)];
    console.log(
      `      ${name}: ${small.toFixed(1)} ms for 128 KiB, ${large.toFixed(1)} ms for 1 MiB`,
    );
    // Eight times the size: 8 if linear, 64 if quadratic.
    expect({ name, isLinear: large < 24 * Math.max(small, 0.2) }).toEqual({ name, isLinear: true });
  }
});

test.each<[string, string | undefined]>([
  ["multipart/form-data; boundary=abc", "abc"],
  ['multipart/form-data; boundary="a b"; x=y', "a b"],
  ["multipart/form-data; charset=utf-8; BOUNDARY=abc ", "abc"],
  ["multipart/form-data", undefined],
  ["multipart/form-data; boundary=", undefined],
  ["multipart/form-data; boundary=a b", undefined],
  ['multipart/form-data; boundary="a', undefined],
  ['multipart/form-data; boundary="a "', undefined],
  [`multipart/form-data; boundary=${"a".repeat(71)}`, undefined],
  ["multipart/form-data; boundary=a,b", "a,b"],
  ["multipart/form-data; xboundary=abc", undefined],
])("the boundary of %p is %p", (type, boundary) => {
  expect(boundaryOf(type)).toBe(boundary);
});

function outcome(run: () => Part[]): Part[] | number {
  try {
    return run();
  } catch (error) {
    return (error as { status: number }).status;
  }
}
