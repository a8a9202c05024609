import { describe, expect, test } from "bun:test";
import {
  canonicalPath,
  canonicalSegments,
  decodeValue,
  verdict,
  withoutTrailingSlash,
} from "../../src/http/path.ts";
import { limits } from "../../src/limits.ts";

describe("the path of a URL", () => {
  test.each([
    ["http://h", "/"],
    ["http://h/", "/"],
    ["http://h?q=/x", "/"],
    ["http://h#x", "/"],
    ["http://localhost:8080/a/b?c=d#e", "/a/b"],
    ["https://h/a#b?c", "/a"],
    ["/a/b", "/a/b"],
    ["/?x", "/"],
    ["//evil.example/a", "//evil.example/a"],
    ["ws+unix.v1-0://h/a", "/a"],
    ["http://[::1]:8080/a", "/a"],
    ["http://[::1]/a", "/a"],
    ["http://h:/a", "/a"],
    ["http://h:65535/a", "/a"],
    ["http://h:00080/a", "/a"],
    ["/a?%zz", "/a"],
    ["/a?\u0161", "/a"],
    ["/a#\ud800", "/a"],
  ])("%j has the path %j", (url, path) => {
    expect(canonicalPath(url, false)).toBe(path);
  });

  test.each(["", "a", "a/b", "http:/h/a", "://h/a", "1x://h/a", "ht tp://h/a", "é://h/a", "?a"])(
    "%j is no URL",
    (url) => {
      expect(canonicalPath(url, false)).toBe(verdict.bad_path);
    },
  );

  test.each([
    ...["http:///a", "http://?a", "http://#", "http://user@h/", "http://user:pw@h/", "http://a b/"],
    ...[
      "http://h:65536/",
      "http://h:x/",
      "http://h:8a/",
      "http://h:-1/",
      "http://h\\x/",
      "http://<h>/",
    ],
    ...["http://\u00e9/", "http://\u0161/", "http://h\u0001/", "http://h\x7f/", "http://[::1]:x/"],
  ])("%j has no valid host", (url) => {
    expect(canonicalPath(url, false)).toBe(verdict.bad_host);
  });

  test("a bad host is told before a bad path, as it stands first", () => {
    expect(canonicalPath("http://u@h/%zz", false)).toBe(verdict.bad_host);
  });
});

describe("canonical spelling", () => {
  test.each([
    ["/%61%5A%30%2D%2E_%7E", "/aZ0-._~"],
    ["/%c3%a9", "/%C3%A9"],
    ["/a%2fb", "/a%2Fb"],
    ["/%3a%40%2b", "/%3A%40%2B"],
    ["/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="],
    ["/%25%32%65", "/%252e"],
    ["/%2561", "/%2561"],
    ["/A", "/A"],
    ["/...", "/..."],
    ["/%2e%2e%2e", "/..."],
    ["/a.", "/a."],
    ["/.a", "/.a"],
    ["/a;b=c", "/a;b=c"],
    ["/%F0%9F%98%80", "/%F0%9F%98%80"],
    ["/%EF%BB%BF", "/%EF%BB%BF"],
    ["/%C2%80", "/%C2%80"],
  ])("%j is %j", (raw, canonical) => {
    expect(canonicalSegments(raw)).toBe(canonical);
  });

  test("it is a fixed point: no part is decoded twice", () => {
    for (const raw of ["/%2541", "/%61%2F%c3%a9", "/%25252e/%252e%252e", "/a%2500"]) {
      const once = canonicalSegments(raw)!;
      expect(canonicalSegments(once)).toBe(once);
    }
  });

  test.each([
    ...["/ ", "/a\tb", "/a\0", "/\x7f", "/\u00e9", "/\u0161dmin", "/\ud800", "/\u{1f600}"],
    ...["/%", "/%4", "/%zz", "/%%41", "/a%", "/50%-off", "/%u0041"],
    ...["/%00", "/a%00b", "/%0a", "/%0D", "/%1f", "/%7f", "/%7F"],
    ...["/%80", "/%C3", "/%C3/%A9", "/%C0%AE", "/%E0%80%80", "/%ED%A0%80", "/%F4%90%80%80", "/%FF"],
    ...["/.", "/..", "/a/.", "/a/..", "/a/../b", "/./a", "/%2e", "/%2E%2e", "/.%2e/", "//../"],
  ])("%j is refused", (raw) => {
    expect(canonicalSegments(raw)).toBeUndefined();
    expect(canonicalPath(raw, false)).toBe(verdict.bad_path);
  });
});

describe("the trailing slash", () => {
  test.each([
    ["/", "/"],
    ["/a/", "/a"],
    ["/a", "/a"],
    ["//", "//"],
    ["/a//", "/a//"],
    ["/a/b/", "/a/b"],
    ["", ""],
  ])("%j is %j without it", (path, expected) => {
    expect(withoutTrailingSlash(path)).toBe(expected);
  });

  test("it counts in a strict table, and an encoded one is data", () => {
    expect(canonicalPath("/a/", true)).toBe("/a/");
    expect(canonicalPath("/a/", false)).toBe("/a");
    expect(canonicalPath("/a%2F", false)).toBe("/a%2F");
  });
});

describe("the longest path", () => {
  const longest = `/${"a".repeat(limits.path_bytes_max - 1)}`;

  test("is taken, one byte more is too long", () => {
    expect(canonicalPath(`http://h${longest}`, false)).toBe(longest);
    expect(canonicalPath(`http://h${longest}a`, false)).toBe(verdict.path_too_long);
  });

  test("is counted before decoding and without query", () => {
    expect(canonicalPath(`/${"%61".repeat(limits.path_bytes_max / 3)}`, false)).toBeString();
    expect(canonicalPath(`/${"%61".repeat(limits.path_bytes_max / 3 + 1)}`, false)).toBe(
      verdict.path_too_long,
    );
    expect(canonicalPath(`/a?${"q".repeat(4 * limits.url_bytes_max)}`, false)).toBe("/a");
  });

  test("is told before what is wrong inside it", () => {
    expect(canonicalPath(`${longest}%zz`, false)).toBe(verdict.path_too_long);
  });
});

test("values are decoded once", () => {
  expect(decodeValue("a%2Fb%C3%A9")).toBe("a/bé");
  expect(decodeValue("%2541")).toBe("%41");
  expect(decodeValue("a+b")).toBe("a+b");
});
