/**
 * The layer rule: rooms import downward only. Without it the house turns into one room, and a test of a lower part
 * would need all of the upper ones.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { projectRoot } from "./support/native.ts";

/** Top to bottom. Rooms of one layer may use each other, features never do. */
const layers: readonly (readonly string[])[] = [
  ["bin"],
  ["cli"],
  ["testing"],
  ["index", "app", "app-options", "app-rooms", "app-start"],
  ["server", "cluster", "redis"],
  [
    "auth",
    "cache",
    "client",
    "session",
    "middleware",
    "openapi",
    "websocket",
    "static",
    "health",
    "metrics",
    "channel",
  ],
  ["routing"],
  ["request", "response", "validation", "native", "injection"],
  ["http", "errors", "limits", "logger", "bun-version"],
];
const features = layers[5]!;

const files = ["src", "bin"].flatMap((folder) =>
  readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.split(sep).join("/")}`),
);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Imports between files of `src` and `bin`, types included: a type that points upward is a dependency as well. */
const imports: readonly Import[] = files.flatMap((from) =>
  [...code(from).matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g)]
    .map(([, path]) => ({
      from,
      to: normalize(join(dirname(from), path!))
        .split(sep)
        .join("/"),
    }))
    .filter(({ to }) => to.startsWith("src/") || to.startsWith("bin/")),
);

describe("imports", () => {
  test("are found at all", () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(files.length);
    expect(imports).toContainEqual({ from: "bin/robyn.ts", to: "src/cli/main.ts" });
  });

  test("lead to files that exist", () => {
    expect(imports.filter(({ to }) => !files.includes(to))).toEqual([]);
  });

  test("every room has its layer", () => {
    expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  test("lead downward", () => {
    expect(imports.filter(({ from, to }) => layerOf(to) < layerOf(from))).toEqual([]);
  });

  test("do not lead from one feature to another", () => {
    const isAcross = ({ from, to }: Import) =>
      features.includes(roomOf(from)) &&
      features.includes(roomOf(to)) &&
      roomOf(from) !== roomOf(to);
    expect(imports.filter(isAcross)).toEqual([]);
  });

  test("of the client lead nowhere else: it is bundled for pages", () => {
    const ofClient = imports.filter(({ from }) => roomOf(from) === "client");
    expect(ofClient.length).toBeGreaterThan(10);
    expect(ofClient.filter(({ to }) => roomOf(to) !== "client")).toEqual([]);
  });

  test("of the barrel are left to the CLI: inside, a room names the file that it needs", () => {
    const importers = imports.filter(({ to }) => to === "src/index.ts").map(({ from }) => from);
    expect(importers.filter((file) => !file.startsWith("src/cli/"))).toEqual([]);
  });
});

describe("what belongs to one file stays in one file", () => {
  const rules: [what: string, pattern: RegExp, file: string][] = [
    [
      "`bun:ffi` is imported",
      /^import (?!type\b)[^;]*"bun:ffi"|import\("bun:ffi"\)/m,
      "src/native/library.ts",
    ],
    ["Bun.serve is called", /\bBun\.serve\(|\bserve\(\{/, "src/server/serve.ts"],
    ["signals are named", /"SIG[A-Z0-9]+"/, "src/server/signals.ts"],
  ];
  test.each(rules)("%s", (_, pattern, file) => {
    expect(files.filter((it) => pattern.test(code(it)))).toEqual([file]);
  });

  test("process.argv is read by the CLI, and handed on unread to the processes of a cluster", () => {
    const readers = files.filter((it) => /\bprocess\.argv\b|\bBun\.argv\b/.test(code(it)));
    expect(readers).toEqual(["src/cli/main.ts", "src/cluster/spawn.ts"]);
  });

  test("code is never made from strings", () => {
    const pattern = /\bnew Function\b|\beval\(|\.toString\(\)\.(?:match|slice|replace)/;
    expect(files.filter((it) => pattern.test(code(it)))).toEqual([]);
  });
});

/** Without comments: what a file says about `bun:ffi` is no import of it. */
function code(file: string): string {
  const text = readFileSync(join(projectRoot, file), "utf8");
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function roomOf(file: string): string {
  const [top, second = ""] = file.split("/");
  return top === "bin" ? "bin" : second.replace(/\.ts$/, "");
}

function layerOf(file: string): number {
  return layers.findIndex((rooms) => rooms.includes(roomOf(file)));
}
