import { expect, test } from "bun:test";
import { hasNoContent, reasonPhrase } from "../../src/http/status.ts";

// RFC 9110 renamed three of them; old names linger in many tables.
test.each([
  [200, "OK"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [413, "Content Too Large"],
  [414, "URI Too Long"],
  [422, "Unprocessable Content"],
  [431, "Request Header Fields Too Large"],
  [501, "Not Implemented"],
])("%i is called %s", (status, phrase) => {
  expect(reasonPhrase(status)).toBe(phrase);
});

test("a status without a registered phrase is called Error", () => {
  for (const status of [299, 418, 499, 599, 0, -1, Number.NaN]) {
    expect(reasonPhrase(status)).toBe("Error");
  }
});

test("only 1xx, 204, 205 and 304 never have content", () => {
  const empty = Array.from({ length: 500 }, (_, index) => index + 100).filter(hasNoContent);
  const informational = Array.from({ length: 100 }, (_, index) => index + 100);
  expect(empty).toEqual([...informational, 204, 205, 304]);
});
