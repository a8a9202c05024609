/** RFC 9110 §14: which bytes a `Range` asks for, and that no header makes it expensive. */
import { expect, test } from "bun:test";
import { serveFile } from "robyn";
import { type ByteRange, parseRanges, ranges_max } from "../../src/response/range.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

const table: [header: string, size: number, expected: string][] = [
  ["bytes=0-4", 100, "0-4"],
  ["bytes=0-0", 100, "0-0"],
  ["bytes=99-", 100, "99-99"],
  ["bytes=-1", 100, "99-99"],
  ["bytes=-200", 100, "0-99"],
  ["bytes=90-1000", 100, "90-99"],
  ["BYTES = 1-2", 100, "1-2"],
  ["bytes=0-1, 5-6", 100, "0-1,5-6"],
  ["bytes=5-6,0-1", 100, "5-6,0-1"],
  ["bytes=0-1,,2-3,", 100, "0-1,2-3"],
  ["bytes=0-1,500-600", 100, "0-1"],
  ["bytes=0-99999999999999999999999", 100, "0-99"],
  ["bytes=-9223372036854775809", 100, "0-99"],
  [`bytes=0-${"9".repeat(1_000)}`, 100, "0-99"],
  ["bytes=-0", 100, "unsatisfiable"],
  ["bytes=100-", 100, "unsatisfiable"],
  ["bytes=18446744073709551616-", 100, "unsatisfiable"],
  ["bytes=100-200,300-", 100, "unsatisfiable"],
  ["", 100, "ignore"],
  ["bytes", 100, "ignore"],
  ["bytes=", 100, "ignore"],
  ["bytes=,,", 100, "ignore"],
  ["bytes=-", 100, "ignore"],
  ["bytes=5-2", 100, "ignore"],
  ["bytes=0-1,5-2", 100, "ignore"],
  ["bytes=a-b", 100, "ignore"],
  ["bytes=+1-2", 100, "ignore"],
  ["bytes=0x1-2", 100, "ignore"],
  ["bytes=1.5-2", 100, "ignore"],
  ["bytes=--1", 100, "ignore"],
  ["items=0-4", 100, "ignore"],
  ["bytes=0-50,50-60", 100, "ignore"],
  ["bytes=0-,0-", 100, "ignore"],
  ["bytes=0-4", 0, "ignore"],
  ["bytes=-5", 0, "ignore"],
];

for (const [header, size, expected] of table) {
  test(`Range ${JSON.stringify(header.slice(0, 40))} of ${size} bytes: ${expected}`, () => {
    expect(show(parseRanges(header, size))).toBe(expected);
  });
}

function show(ranges: ByteRange[] | string): string {
  if (typeof ranges === "string") return ranges;
  return ranges.map(({ first, last }) => `${first}-${last}`).join(",");
}

test("16 ranges are sent, 17 are not", () => {
  const ranges = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, index) => `${index * 2}-${index * 2}`).join(",")}`;
  expect(parseRanges(ranges(ranges_max), 1_000)).toHaveLength(16);
  expect(parseRanges(ranges(ranges_max + 1), 1_000)).toBe("ignore");
});

test("a hostile header takes time linear to its length", () => {
  for (const unit of ["0-,", ",", "-", "9", " ", "0-0,", "bytes="]) {
    const header = `bytes=${unit.repeat(300_000 / unit.length)}`;
    const start = performance.now();
    parseRanges(header, 100);
    expect(performance.now() - start).toBeLessThan(50);
  }
});

const content = Array.from({ length: 256 }, (_, index) => String.fromCharCode(index)).join("");

async function served(size: "small" | "large") {
  const folder = temporaryFolder();
  // Large files go from the disk to the socket, small ones come from memory: both must cut at the same bytes.
  const bytes = Buffer.from(content.repeat(size === "small" ? 4 : 1_024), "latin1");
  await Bun.write(`${folder.path}/data.bin`, bytes);
  const app = quietApp();
  app.get("/file", () => serveFile(`${folder.path}/data.bin`));
  app.post("/file", () => serveFile(`${folder.path}/data.bin`));
  const server = await serveApp(app);
  return {
    bytes,
    ask: (range: string, method = "GET") =>
      exchange(server.port, request(method, "/file", { Range: range }), method),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

for (const size of ["small", "large"] as const) {
  test(`a range of a ${size} file is 206 with exactly its bytes`, async () => {
    await using file = await served(size);
    const total = file.bytes.length;
    for (const [range, first, last] of [
      ["bytes=0-0", 0, 0],
      ["bytes=250-260", 250, 260],
      ["bytes=-3", total - 3, total - 1],
      ["bytes=1000-", 1_000, total - 1],
      ["bytes=0-", 0, total - 1],
    ] as const) {
      const { status, headers, body } = await file.ask(range);
      expect(status).toBe(206);
      expect(headers["content-range"]).toBe(`bytes ${first}-${last}/${total}`);
      expect(headers["content-length"]).toBe(String(last - first + 1));
      expect(body.equals(file.bytes.subarray(first, last + 1))).toBe(true);
    }
  });

  test(`several ranges of a ${size} file are multipart/byteranges`, async () => {
    await using file = await served(size);
    const total = file.bytes.length;
    const { status, headers, body } = await file.ask("bytes=5-9, 0-1, -4");
    expect(status).toBe(206);
    expect(headers["content-range"]).toBeUndefined();
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers["content-type"]!)![1]!;
    const parts = body.toString("latin1").split(`\r\n--${boundary}`);
    expect(parts.shift()).toBe("");
    expect(parts.pop()).toBe("--\r\n");
    const expected = [
      [5, 9],
      [0, 1],
      [total - 4, total - 1],
    ] as const;
    expect(parts).toEqual(
      expected.map(
        ([first, last]) =>
          `\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes ${first}-${last}/${total}\r\n\r\n${file.bytes.toString("latin1", first, last + 1)}`,
      ),
    );
  });

  test(`what cannot be satisfied in a ${size} file is 416 with its size`, async () => {
    await using file = await served(size);
    for (const range of ["bytes=-0", "bytes=9999999-", "bytes=18446744073709551616-"]) {
      const { status, headers } = await file.ask(range);
      expect([range, status]).toEqual([range, 416]);
      expect(headers["content-range"]).toBe(`bytes */${file.bytes.length}`);
    }
  });

  test(`a Range that is ignored gives the whole ${size} file`, async () => {
    await using file = await served(size);
    const many = `bytes=${Array.from({ length: 1_000 }, (_, index) => `${index}-${index}`).join(",")}`;
    for (const range of [
      many,
      "bytes=0-5,3-9",
      "bytes=5-2",
      "bytes=",
      "",
      "items=0-1",
      "bytes=0-1;",
    ]) {
      const { status, body, headers } = await file.ask(range);
      expect([range.slice(0, 20), status]).toEqual([range.slice(0, 20), 200]);
      expect(headers["content-range"]).toBeUndefined();
      expect(body.equals(file.bytes)).toBe(true);
    }
  });

  test(`Range counts for GET only, with a ${size} file`, async () => {
    await using file = await served(size);
    const head = await file.ask("bytes=0-1", "HEAD");
    expect(head.status).toBe(200);
    expect(head.headers["content-length"]).toBe(String(file.bytes.length));
    expect(head.headers["accept-ranges"]).toBe("bytes");
    const post = await file.ask("bytes=0-1", "POST");
    expect(post.status).toBe(200);
    expect(post.body.length).toBe(file.bytes.length);
  });
}
