/** Addresses and networks: one address, one form, however it is written. */
import { describe, expect, test } from "bun:test";
import { contains, formatAddress, parseAddress, parseNetwork } from "../../src/request/address.ts";
import { createRandom, seedOfRun } from "../support/random.ts";

describe("an address is read and written in its canonical form", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["10:0:0:10::", "10:0:0:10::"],
    ["::ffff:7f00:1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["0:0:0:0:0:FFFF:127.0.0.1", "127.0.0.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["::127.0.0.1", "::7f00:1"],
  ])("%s is %s", (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  test("which reads as the same address again", () => {
    const seed = seedOfRun();
    const { below, chance } = createRandom(seed);
    for (let round = 0; round < 5_000; round++) {
      const bytes = Array.from({ length: 16 }, () => (chance(60) ? 0 : below(256)));
      const text = formatAddress(bytes);
      expect({ seed, text, bytes: parseAddress(text) }).toEqual({ seed, text, bytes });
      // The platform's own parser knows the same canonical form.
      expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
    }
  });
});

test.each([
  "",
  "1",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.2.355",
  "256.1.1.1",
  "01.2.3.4",
  "1.2.3.04",
  "0x7f.1.1.1",
  "127.1",
  "2130706433",
  " 1.2.3.4",
  "1.2.3.4 ",
  "1.2.3.-4",
  "+1.2.3.4",
  "1.2.3.4:80",
  "١.2.3.4",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::",
  "g::",
  "::1%eth0",
  "fe80::1%25eth0",
  "[::1]",
  "::1/128",
  "1.2.3.4::",
  "::1.2.3",
  "::1.2.3.4:5",
  "::ffff:1.2.2.355",
  "localhost",
  "1:2:3:4:5:6:7:8:",
  ":1:2:3:4:5:6:7:8",
])("%p is no address", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

describe("a network", () => {
  test.each([
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.1"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.6"],
    ["192.0.2.0/25", "192.0.2.127", "192.0.2.128"],
    ["0.0.0.0/0", "203.0.113.9", "::1"],
    ["::/0", "2001:db8::1", "192.0.2.1"],
    ["fc00::/7", "fdff::1", "fe00::1"],
    ["2001:db8:8000::/33", "2001:db8:ffff::", "2001:db8:7fff::"],
    ["::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"],
    ["127.0.0.0/8", "::ffff:7f00:1", "::7f00:1"],
  ])("%s has %s and not %s", (network, inside, outside) => {
    const parsed = parseNetwork(network)!;
    expect(contains(parsed, parseAddress(inside)!)).toBeTrue();
    expect(contains(parsed, parseAddress(outside)!)).toBeFalse();
  });

  test.each([
    "10.0.0.0/33",
    "10.0.0.1/8",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/a",
    "::ffff:10.0.0.0/8",
    "fe80::1%lo/64",
    "/8",
    "1.2.2.355/32",
  ])("%p is none", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});
