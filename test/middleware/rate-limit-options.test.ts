/** Nothing is accepted and then passed over: bad limits are refused where they are written. */
import { describe, expect, test } from "bun:test";
import { rateLimit, Robyn, RobynError } from "robyn";

const good = { limit: 10, window: 60 };

const cases: [what: string, options: unknown, message: RegExp][] = [
  ["null", null, /null/],
  ["a number", 10, /10/],
  ["no window", [], /0 windows/],
  ["nine windows", Array.from({ length: 9 }, (_, n) => ({ ...good, window: n + 1 })), /9 windows/],
  ["two windows of one name", [good, { ...good }], /two windows "10-in-60s"/],
  ["an unknown option", { ...good, max: 1 }, /unknown option "max"/],
  ["no limit", { window: 60 }, /undefined as limit/],
  ["a limit of 0", { ...good, limit: 0 }, /0 as limit/],
  ["half a unit", { ...good, limit: 0.5 }, /0\.5 as limit/],
  ["a window of 0", { ...good, window: 0 }, /0 as window/],
  ["a window that is no number", { ...good, window: "60" }, /"60" as window/],
  ["more than a year", { ...good, window: 31_536_001 }, /as window/],
  ["too many per second", { limit: 1_000_001, window: 1 }, /1000001 as limit/],
  ["a burst of 0", { ...good, burst: 0 }, /0 as burst/],
  ["a burst that never comes back", { limit: 1, window: 31_536_000, burst: 11 }, /11 as burst/],
  ["an unknown key", { ...good, by: "ip" }, /"ip" as by/],
  ["a header that is no name", { ...good, by: { header: "a b" } }, /as by/],
  ["more than a header", { ...good, by: { header: "a", prefix: 1 } }, /as by/],
  ["a prefix of 0", { ...good, ipv6Prefix: 0 }, /0 as ipv6Prefix/],
  ["a prefix of 129", { ...good, ipv6Prefix: 129 }, /129 as ipv6Prefix/],
  ["a name that is no field value", { ...good, name: 'a"b' }, /as name/],
  ["an empty name", { ...good, name: "" }, /"" as name/],
  ["a cost above the burst", { ...good, cost: 11 }, /11 as cost/],
  ["a negative cost", { ...good, cost: -1 }, /-1 as cost/],
  ["an unknown way out", { ...good, withoutKey: "deny" }, /"deny" as withoutKey/],
  ["a skip that is no function", { ...good, skip: true }, /true as skip/],
  ["headers that are not yes or no", { ...good, headers: 1 }, /1 as headers/],
];

describe.each(cases)("%s", (_, options, message) => {
  test("is refused by rateLimit()", () => {
    const define = () => rateLimit(options as never);
    expect(define).toThrow(RobynError);
    expect(define).toThrow(message);
    expect(define).toThrow("ROBYN_OPTION_INVALID");
  });

  test("is refused by the route, which is named", () => {
    const define = () => new Robyn().get("/users", { rateLimit: options as never }, () => "in");
    expect(define).toThrow(message);
    expect(define).toThrow("GET /users");
  });
});

test("what is at the edge of the possible is taken", () => {
  rateLimit({ limit: 1_000_000, window: 1, burst: 1_000_000_000, cost: 1_000_000_000 });
  rateLimit({ limit: 1, window: 31_536_000, burst: 10, ipv6Prefix: 128, cost: 0 });
  rateLimit(Array.from({ length: 8 }, (_, n) => ({ limit: 1, window: n + 0.001 })));
});
