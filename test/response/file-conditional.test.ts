/** RFC 9110 §13: which preconditions count, in which order, and which comparison they use. */
import { utimesSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { serveFile } from "robyn";
import { parseHttpDate } from "../../src/http/conditional.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, type RawResponse, request } from "../support/raw.ts";
import { quietApp, serveApp, type Served } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const folder = temporaryFolder();
const rested = folder.write("rested.txt", "rested for long");
const modified = new Date("2026-01-02T03:04:05.678Z");
let server: Served;
let etag: string;
const lastModified = "Fri, 02 Jan 2026 03:04:05 GMT";

beforeAll(async () => {
  utimesSync(rested, modified, modified);
  const app = quietApp();
  app.get("/rested", () => serveFile(rested));
  app.get("/fresh", () => serveFile(folder.write("fresh.txt", "just written")));
  app.post("/rested", () => serveFile(rested));
  app.get("/teapot", ({ status }) => status(418, serveFile(rested)));
  server = await serveApp(app);
  // The status change cannot be set back, so even this file has to rest until its tag is strong.
  etag = await until("a strong tag", async () => {
    const tag = (await ask({})).headers["etag"]!;
    return tag.startsWith("W/") ? undefined : tag;
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function ask(
  headers: Record<string, string>,
  method = "GET",
  path = "/rested",
): Promise<RawResponse> {
  return exchange(server.port, request(method, path, headers), method);
}

const future = new Date(Date.now() + 86_400_000).toUTCString();
const thousand = Array.from({ length: 500 }, (_, index) => `"tag-${index}"`).join(",");

const cases: [name: string, headers: () => Record<string, string>, status: number][] = [
  ["no precondition", () => ({}), 200],
  ["If-None-Match with the tag", () => ({ "If-None-Match": etag }), 304],
  ["If-None-Match with the tag made weak", () => ({ "If-None-Match": `W/${etag}` }), 304],
  ["If-None-Match *", () => ({ "If-None-Match": "*" }), 304],
  ["If-None-Match with a list that has it", () => ({ "If-None-Match": `"a", ${etag}` }), 304],
  ["If-None-Match with 500 others", () => ({ "If-None-Match": thousand }), 200],
  ["If-None-Match with 500 others and it", () => ({ "If-None-Match": `${thousand},${etag}` }), 304],
  ["If-None-Match without quotes", () => ({ "If-None-Match": etag.slice(1, -1) }), 200],
  ["If-Modified-Since the very second", () => ({ "If-Modified-Since": lastModified }), 304],
  [
    "If-Modified-Since a second before",
    () => ({ "If-Modified-Since": "Fri, 02 Jan 2026 03:04:04 GMT" }),
    200,
  ],
  ["If-Modified-Since in the future", () => ({ "If-Modified-Since": future }), 200],
  ["If-Modified-Since that is no date", () => ({ "If-Modified-Since": "2030" }), 200],
  [
    "If-Modified-Since in the form of RFC 850",
    () => ({ "If-Modified-Since": "Friday, 02-Jan-26 03:04:05 GMT" }),
    304,
  ],
  [
    "If-Modified-Since in the form of asctime",
    () => ({ "If-Modified-Since": "Fri Jan  2 03:04:05 2026" }),
    304,
  ],
  [
    "If-None-Match goes before If-Modified-Since",
    () => ({ "If-None-Match": '"x"', "If-Modified-Since": lastModified }),
    200,
  ],
  ["If-Match with the tag", () => ({ "If-Match": etag }), 200],
  ["If-Match *", () => ({ "If-Match": "*" }), 200],
  ["If-Match with another", () => ({ "If-Match": '"x"' }), 412],
  ["If-Match compares strongly", () => ({ "If-Match": `W/${etag}` }), 412],
  ["If-Unmodified-Since then", () => ({ "If-Unmodified-Since": lastModified }), 200],
  [
    "If-Unmodified-Since before",
    () => ({ "If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT" }),
    412,
  ],
  ["If-Unmodified-Since that is no date", () => ({ "If-Unmodified-Since": "yesterday" }), 200],
  [
    "If-Match goes before If-Unmodified-Since",
    () => ({ "If-Match": etag, "If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT" }),
    200,
  ],
  ["If-Match goes before If-None-Match", () => ({ "If-Match": '"x"', "If-None-Match": etag }), 412],
  ["If-Range with the tag", () => ({ Range: "bytes=0-1", "If-Range": etag }), 206],
  ["If-Range with another tag", () => ({ Range: "bytes=0-1", "If-Range": '"x"' }), 200],
  ["If-Range compares strongly", () => ({ Range: "bytes=0-1", "If-Range": `W/${etag}` }), 200],
  ["If-Range with the date", () => ({ Range: "bytes=0-1", "If-Range": lastModified }), 206],
  [
    "If-Range with a later date is no match",
    () => ({ Range: "bytes=0-1", "If-Range": "Fri, 02 Jan 2026 03:04:06 GMT" }),
    200,
  ],
  ["If-Range with nonsense", () => ({ Range: "bytes=0-1", "If-Range": "x" }), 200],
  ["If-Range without Range", () => ({ "If-Range": '"x"' }), 200],
  ["If-None-Match goes before Range", () => ({ Range: "bytes=0-1", "If-None-Match": etag }), 304],
];

for (const [name, headers, status] of cases) {
  test(`${name}: ${status}`, async () => {
    expect((await ask(headers())).status).toBe(status);
  });
  if (status === 206) continue;
  test(`${name}: HEAD agrees`, async () => {
    expect((await ask(headers(), "HEAD")).status).toBe(status);
  });
}

test("a 304 has the validators and nothing about content", async () => {
  const { headers, body } = await ask({ "If-None-Match": etag });
  expect(headers).toMatchObject({
    etag,
    "last-modified": lastModified,
    "cache-control": "no-cache",
  });
  expect(headers["content-type"]).toBeUndefined();
  expect(headers["content-disposition"]).toBeUndefined();
  expect(body.length).toBe(0);
});

test("neither POST nor another status is conditional", async () => {
  expect((await ask({ "If-None-Match": etag }, "POST")).status).toBe(200);
  const teapot = await ask({ "If-None-Match": etag, Range: "bytes=0-1" }, "GET", "/teapot");
  expect([teapot.status, teapot.text]).toEqual([418, "rested for long"]);
});

test("a file that was just written has a weak tag, which no range may rely on", async () => {
  const { headers } = await ask({}, "GET", "/fresh");
  expect(headers["etag"]).toStartWith('W/"');
  const again = { Range: "bytes=0-1", "If-Range": headers["etag"]!.slice(2) };
  expect((await ask(again, "GET", "/fresh")).status).toBe(200);
  const dated = { Range: "bytes=0-1", "If-Range": headers["last-modified"]! };
  expect((await ask(dated, "GET", "/fresh")).status).toBe(200);
});

test("dates in the three forms of RFC 9110 §5.6.7, and nothing else", () => {
  const expected = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ])
    expect(parseHttpDate(text)).toBe(expected);
  for (const text of [
    "",
    "0",
    "1994",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37 +0100",
    "Sun, 06 Xyz 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    `Sun, 06 Nov 1994 ${"0".repeat(10_000)}`,
  ])
    expect(parseHttpDate(text)).toBeUndefined();
});
