/** Browsers let any page connect anywhere: the server has to ask who comes. */
import { describe, expect, test } from "bun:test";
import type { RobynOptions } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { RawWebSocket } from "../support/web-socket.ts";

type Policy = Parameters<ReturnType<typeof quietApp>["websocket"]>[1]["origin"];

async function statusOf(
  origin: string | undefined,
  policy?: Policy,
  headers: Record<string, string> = {},
  options: RobynOptions = {},
): Promise<number> {
  const app = quietApp(options).websocket("/", policy === undefined ? {} : { origin: policy });
  await using server = await serveApp(app);
  using client = await RawWebSocket.connect(server.port, "/", {
    Host: "example.com",
    ...(origin === undefined ? {} : { Origin: origin }),
    ...headers,
  });
  return client.response.status;
}

describe("by default", () => {
  const cases: [origin: string | undefined, status: number][] = [
    [undefined, 101],
    ["http://example.com", 101],
    ["HTTP://EXAMPLE.COM:80", 101],
    ["https://example.com", 403],
    ["http://example.com:8080", 403],
    ["http://evil.example", 403],
    ["http://example.com.evil.example", 403],
    ["http://example.com@evil.example", 403],
    ["http://user@example.com", 403],
    ["http://example.com/path", 403],
    ["null", 403],
    ["", 403],
    ["file://", 403],
  ];
  test.each(cases)("Origin %p is answered %d", async (origin, status) => {
    expect(await statusOf(origin)).toBe(status);
  });

  test("behind a trusted proxy it is compared with what the proxy was asked for", async () => {
    const forwarded = { "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example" };
    const trusting = { trustedProxies: ["loopback"] };
    expect(await statusOf("https://shop.example", undefined, forwarded, trusting)).toBe(101);
    expect(await statusOf("http://example.com", undefined, forwarded, trusting)).toBe(403);
    expect(await statusOf("https://shop.example", undefined, forwarded)).toBe(403);
  });
});

test("what the default refuses is told to the log, once, with what to do", async () => {
  const logger = recordingLogger();
  const app = quietApp({ logger }).websocket("/", {}).websocket("/listed", { origin: [] });
  await using server = await serveApp(app);
  for (const path of ["/", "/", "/listed"]) {
    const headers = { Host: "example.com", Origin: "https://example.com" };
    using client = await RawWebSocket.connect(server.port, path, headers);
    expect(client.response.status).toBe(403);
  }
  const told = logger.records.filter(({ level }) => level === "warn");
  expect(told).toHaveLength(1);
  expect(told[0]!.message).toContain(
    '"https://example.com", as this server is "http://example.com"',
  );
  expect(told[0]!.message).toContain('set "trustedProxies"');
});

test("a list replaces the default", async () => {
  const list = ["https://a.example", "https://b.example:8443"];
  expect(await statusOf("https://a.example:443", list)).toBe(101);
  expect(await statusOf("https://b.example:8443", list)).toBe(101);
  expect(await statusOf("https://b.example", list)).toBe(403);
  expect(await statusOf("http://example.com", list)).toBe(403);
  expect(await statusOf("null", list)).toBe(403);
});

test('"*" lets every page in, a function decides for itself', async () => {
  expect(await statusOf("http://evil.example", "*")).toBe(101);
  const onlyHttps = async (origin: string) => origin.startsWith("https:");
  expect(await statusOf("https://any.example", onlyHttps)).toBe(101);
  expect(await statusOf("http://any.example", onlyHttps)).toBe(403);
  const byQuery: Policy = (_, { query }) => query.token === "x";
  expect(await statusOf("http://any.example", byQuery)).toBe(403);
});

test("something that is no origin is refused at start", () => {
  for (const wrong of ["example.com", "https://a.example/path", ["*"]]) {
    const app = quietApp().websocket("/", { origin: wrong });
    expect(app.compile()).rejects.toThrow("ROBYN_OPTION_INVALID");
  }
});
