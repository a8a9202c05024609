/** The query has a short way for texts with nothing to decode: it must find the pairs that the standard finds. */
import { expect, test } from "bun:test";
import { HttpError } from "../../src/errors.ts";
import { addValue, parseQuery, type Query, query_pairs_max } from "../../src/request/query.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

const seed = seedOfRun();

/** Plain texts mostly, now and then a character that only the standard's parser may see. */
const plain = [
  "a",
  "b",
  "__proto__",
  "constructor",
  "1",
  "-",
  "&",
  "&&",
  "=",
  "==",
  "?",
  "[]",
  '"',
];
const special = ["+", "%41", "%", "%zz", "é", "\u{1f600}", "\ud800", "%26", "%3d"];

function expected(text: string): Query {
  const query: Query = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) addValue(query, key, value);
  return query;
}

test(`any query has the pairs of URLSearchParams (ROBYN_SEED=${seed})`, () => {
  const random = createRandom(seed);
  for (let round = 0; round < 5_000; round++) {
    const words = Array.from({ length: random.below(12) }, () =>
      random.pick(random.chance(10) ? special : plain),
    );
    const text = words.join("");
    const query = parseQuery(`http://localhost/path?${text}`);
    expect(Object.entries(query), JSON.stringify(text)).toEqual(Object.entries(expected(text)));
    expect(Object.getPrototypeOf(query)).toBeNull();
  }
});

test("what follows # is no part of the query", () => {
  expect({ ...parseQuery("http://localhost/?a=1&b=2#c=3&d=4") }).toEqual({ a: "1", b: "2" });
});

test.each(["a=1", "a=%31", "a"])("pairs are counted: %s", (pair) => {
  const most = Array<string>(query_pairs_max).fill(pair).join("&");
  expect(parseQuery(`http://localhost/?${most}`).a).toHaveLength(query_pairs_max);
  expect(() => parseQuery(`http://localhost/?${most}&${pair}`)).toThrow(HttpError);
});
