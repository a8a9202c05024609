import { expect, test } from "bun:test";
import {
  generalMethods,
  GET,
  HEAD,
  isToken,
  OPTIONS,
  standardMethods,
  unknownMethod,
} from "../../src/http/method.ts";
import { limits } from "../../src/limits.ts";
import { cores } from "../support/cores.ts";

test("the named ids are the places in the list", () => {
  expect([GET, HEAD, OPTIONS].map((id) => standardMethods[id])).toEqual(["GET", "HEAD", "OPTIONS"]);
  expect(standardMethods.length).toBeLessThan(limits.methods_max);
  expect(unknownMethod).toBeGreaterThan(limits.methods_max);
});

test("TRACE and CONNECT are not expected to be known", () => {
  const missing = standardMethods.filter((method) => !generalMethods.has(method));
  expect(missing).toEqual(["CONNECT", "TRACE"]);
});

test("a token has the characters of RFC 9110 and no others", () => {
  const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (let code = 0; code < 256; code++) {
    const character = String.fromCharCode(code);
    expect([code, isToken(character)]).toEqual([code, allowed.includes(character)]);
  }
  for (const text of ["", "A B", "GET\n", "GET\r\nX", "GÉT", "\ud800"])
    expect(isToken(text)).toBe(false);
  for (const text of ["GET", "M-SEARCH", "get", "X!"]) expect(isToken(text)).toBe(true);
});

for (const core of cores) {
  test(`ids of methods on ${core.name}: nine fixed ones, then in order of definition`, () => {
    const table = core.createRouteTable({ strict: false });
    expect(table.insert("PURGE", "/a", 0)).toBeUndefined();
    expect(table.insert("purge", "/a", 1)).toBeUndefined();
    expect(table.insert("PURGE", "/b", 2)).toBeUndefined();
    expect(standardMethods.map((token) => table.methodId(token))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect([table.methodId("PURGE"), table.methodId("purge")]).toEqual([9, 10]);
    for (const token of ["LOCK", "", "GET ", "get", "__proto__", "toString"])
      expect(table.methodId(token)).toBe(unknownMethod);
    table.destroy();
  });

  test(`the limit of methods on ${core.name}: number 32 is taken, number 33 refused, the known still taken`, () => {
    const table = core.createRouteTable({ strict: false });
    for (let id = standardMethods.length; id < limits.methods_max; id++)
      expect(table.insert(`M${id}`, "/a", id)).toBeUndefined();
    expect(table.insert("MORE", "/a", 99)).toMatchObject({ status: "too_many_methods" });
    expect(table.insert("M31", "/b", 100)).toBeUndefined();
    table.seal();
    expect(table.find(table.methodId("M31"), "/a")).toBe(31);
    expect(table.find(table.methodId("MORE"), "/a")).toBe(-2);
    expect(table.allowed().at(-1)).toBe("M31");
    expect(table.allowed()).toHaveLength(limits.methods_max - standardMethods.length);
    table.destroy();
  });

  test(`the longest method on ${core.name}`, () => {
    const table = core.createRouteTable({ strict: false });
    const longest = "M".repeat(limits.method_bytes_max);
    expect(table.insert(longest, "/a", 0)).toBeUndefined();
    for (const method of [`${longest}M`, "M".repeat(100_000), "", "GÉT", "A B"])
      expect(table.insert(method, "/b", 1)).toMatchObject({ status: "method_invalid" });
    table.destroy();
  });
}
