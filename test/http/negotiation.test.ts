import { describe, expect, test } from "bun:test";
import { chooseEncoding, type Encoding, matchesEntityTag } from "../../src/http/negotiation.ts";

const all = (): boolean => true;
const only =
  (...encodings: Encoding[]) =>
  (encoding: Encoding): boolean =>
    encodings.includes(encoding);

describe("Accept-Encoding", () => {
  test.each<[string | null, Encoding]>([
    [null, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["GZip", "gzip"],
    [" gzip ", "gzip"],
    ["br", "br"],
    ["zstd", "zstd"],
    ["identity", "identity"],
    ["deflate", "identity"],
    ["gzip, deflate, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["zstd, br, gzip", "zstd"],
    ["gzip,br", "br"],
    ["gzip;q=1.0, br;q=0.5", "gzip"],
    ["gzip;q=0.2,br;q=0.3,zstd;q=0.1", "br"],
    ["gzip; q=0.9 , br ;q=0.8", "gzip"],
    ["gzip;Q=0.5, br;q=0.4", "gzip"],
    ["gzip;q=0.001", "gzip"],
    ["gzip;q=1.", "gzip"],
    ["gzip;x=1;q=0.5, br;q=0.4", "gzip"],
  ])("%j asks for %s", (accept, encoding) => {
    expect(chooseEncoding(accept, all)).toBe(encoding);
  });

  test("a weight of zero refuses a coding", () => {
    expect(chooseEncoding("gzip;q=0", all)).toBe("identity");
    expect(chooseEncoding("gzip;q=0.000, br;q=0.0", all)).toBe("identity");
    expect(chooseEncoding("zstd;q=0, br;q=0, gzip;q=0.1", all)).toBe("gzip");
  });

  test("a star stands for what is not named", () => {
    expect(chooseEncoding("*", all)).toBe("zstd");
    expect(chooseEncoding("*;q=0", all)).toBe("identity");
    expect(chooseEncoding("zstd;q=0, *", all)).toBe("br");
    expect(chooseEncoding("gzip;q=0.5, *;q=0", all)).toBe("gzip");
    expect(chooseEncoding("gzip;q=0.5, *;q=0.6", only("gzip", "br"))).toBe("br");
  });

  test("identity wins only by a greater weight", () => {
    expect(chooseEncoding("identity, gzip;q=0.5", all)).toBe("identity");
    expect(chooseEncoding("identity;q=0.5, gzip;q=0.5", all)).toBe("gzip");
    expect(chooseEncoding("identity;q=0.4, gzip;q=0.5", all)).toBe("gzip");
  });

  test("with equal weights the order is zstd, br, gzip, whatever the order of the header", () => {
    expect(chooseEncoding("gzip;q=0.7, br;q=0.7, zstd;q=0.7", all)).toBe("zstd");
    expect(chooseEncoding("gzip;q=0.7, br;q=0.7", only("gzip", "br"))).toBe("br");
  });

  test("a coding that is not there is passed over", () => {
    expect(chooseEncoding("zstd, gzip;q=0.5", only("gzip"))).toBe("gzip");
    expect(chooseEncoding("zstd, br, gzip", only())).toBe("identity");
  });

  test("where nothing fits the answer is identity, even if it was refused", () => {
    expect(chooseEncoding("identity;q=0", only())).toBe("identity");
    expect(chooseEncoding("identity;q=0, *;q=0", all)).toBe("identity");
  });

  test.each([
    ",",
    ",,,",
    ";",
    ";q=1",
    "q=0",
    "gzip;",
    "=,;=",
    "\u0161",
    "gzip gzip",
    "__proto__",
    "a;".repeat(999),
  ])("garbage such as %j is no error", (accept) => {
    expect(["identity", "gzip"]).toContain(chooseEncoding(accept, all));
  });

  test("members beyond the 64th are not read", () => {
    const padding = (count: number) => "x,".repeat(count);
    expect(chooseEncoding(`${padding(63)}gzip`, all)).toBe("gzip");
    expect(chooseEncoding(`${padding(64)}gzip`, all)).toBe("identity");
    expect(chooseEncoding(padding(100_000), all)).toBe("identity");
  });
});

describe("If-None-Match", () => {
  test.each([
    ['"a"', '"a"'],
    ['W/"a"', '"a"'],
    ['"a"', 'W/"a"'],
    ['W/"a"', 'W/"a"'],
    ["*", '"a"'],
    [" * ", '"a"'],
    ['"x", "a"', '"a"'],
    ['"x","y" ,  W/"a"', '"a"'],
    ['""', '""'],
    ['"a,b"', '"a,b"'],
    ['"x", "a,b"', '"a,b"'],
  ])("%s matches %s", (header, tag) => {
    expect(matchesEntityTag(header, tag)).toBe(true);
  });

  test.each([
    ["", '"a"'],
    ["a", '"a"'],
    ['"A"', '"a"'],
    ['"a', '"a"'],
    ['w/"a"', '"a"'],
    ['"b", "c"', '"a"'],
    ['"x*"', '"a"'],
    ['"a", *', '"b"'],
    ['"aa"', '"a"'],
    ['"b,"', '"b"'],
  ])("%s does not match %s", (header, tag) => {
    expect(matchesEntityTag(header, tag)).toBe(false);
  });

  test("a list of thousands of tags is read in linear time", () => {
    const header = (count: number) => '"x",'.repeat(count) + '"a"';
    expect(matchesEntityTag(header(4_000), '"a"')).toBe(true);
    expect(matchesEntityTag(header(4_000), '"b"')).toBe(false);
  });
});
