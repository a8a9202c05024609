/** Codes, their documentation and their use are tied to each other in both directions. */
import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes, RobynError } from "../src/errors.ts";
import { projectRoot } from "./support/native.ts";

const documentation = readFileSync(join(projectRoot, "docs", "errors.md"), "utf8");
const sections = documentation.split(/^## /m).slice(1);
const documented = sections.filter((section) => section.startsWith("ROBYN_"));

describe("every code", () => {
  test("has a section in docs/errors.md, and every section a code", () => {
    const names = documented.map((section) => section.split("\n", 1)[0]!.trim());
    expect(names.toSorted()).toEqual([...errorCodes].toSorted());
  });

  test("has a section that says something", () => {
    const empty = documented.filter((section) => section.split("\n").slice(1).join("").length < 30);
    expect(empty).toEqual([]);
  });

  test("is listed once, in alphabetical order", () => {
    expect([...errorCodes]).toEqual([...new Set(errorCodes)].toSorted());
  });

  test("is thrown somewhere", () => {
    const sources = [...new Glob("src/**/*.ts").scanSync(projectRoot)]
      .filter((file) => file !== "src/errors.ts")
      .map((file) => readFileSync(join(projectRoot, file), "utf8"))
      .join("\n");
    expect(errorCodes.filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });
});

test("a RobynError reads as what happened, what to do, and the code", () => {
  const cause = new Error("below");
  const error = new RobynError("ROBYN_SEALED", "It happened.", "Do this.", { cause });
  expect(error).toMatchObject({
    name: "RobynError",
    code: "ROBYN_SEALED",
    fix: "Do this.",
    message: "It happened. Do this. [ROBYN_SEALED]",
    cause,
  });
  expect(error).toBeInstanceOf(Error);
});
