/** Address, scheme and host behind proxies: believed only from those that are declared. */
import { describe, expect, test } from "bun:test";
import type { RobynOptions } from "robyn";
import { TrustedProxies, type ProxyHeaders } from "../../src/request/proxies.ts";
import { exchange } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

type Lines = readonly (readonly [string, string])[];

function originOf(trusted: string[], family: ProxyHeaders, peer: string | null, lines: Lines) {
  return new TrustedProxies(trusted, family).originOf(
    new Headers(lines as [string, string][]),
    peer,
  );
}

describe("X-Forwarded-For", () => {
  const trusted = ["10.0.0.0/8", "::1", "fd00::/8"];
  test.each<[string, string, string[], string]>([
    ["one proxy: the address that it saw", "10.0.0.1", ["203.0.113.7"], "203.0.113.7"],
    [
      "what the client wrote before it is not believed",
      "10.0.0.1",
      ["1.1.1.1, 203.0.113.7"],
      "203.0.113.7",
    ],
    ["two proxies", "10.0.0.1", ["1.1.1.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"],
    ["two lines are one list", "10.0.0.1", ["1.1.1.1, 203.0.113.7", "10.0.0.2"], "203.0.113.7"],
    ["only proxies: the furthest", "10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"],
    ["no header: the proxy itself", "10.0.0.1", [], "10.0.0.1"],
    ["a proxy mapped into IPv6", "::ffff:a00:1", ["203.0.113.7"], "203.0.113.7"],
    ["a hop mapped into IPv6", "10.0.0.1", ["203.0.113.7, ::ffff:10.0.0.2"], "203.0.113.7"],
    ["a client in IPv6, written canonically", "::1", ["2001:DB8:0::0:1"], "2001:db8::1"],
    ["with ports", "10.0.0.1", ["203.0.113.7:4711, [fd00::2]:80"], "203.0.113.7"],
    ["an octet above 255 stops at the last proxy", "10.0.0.1", ["1.2.2.355, 10.0.0.2"], "10.0.0.2"],
    ["a name stops", "10.0.0.1", ["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"],
    ["an empty entry stops", "10.0.0.1", ["203.0.113.7,, 10.0.0.2"], "10.0.0.2"],
    ["a zone stops", "10.0.0.1", ["fe80::1%eth0"], "10.0.0.1"],
    ["octal stops", "10.0.0.1", ["012.0.0.1"], "10.0.0.1"],
  ])("%s", (_, peer, lines, expected) => {
    const headers = lines.map((line) => ["X-Forwarded-For", line] as const);
    expect(originOf(trusted, "x-forwarded", peer, headers)?.address).toBe(expected);
  });

  test.each<[string | null]>([
    ["203.0.113.9"],
    ["::ffff:203.0.113.9"],
    ["11.0.0.1"],
    [null],
    ["nonsense"],
  ])("is not believed from the peer %p", (peer) => {
    const lines = [
      ["X-Forwarded-For", "1.1.1.1"],
      ["X-Forwarded-Proto", "https"],
    ] as const;
    expect(originOf(trusted, "x-forwarded", peer, lines)).toBeUndefined();
  });

  test("the zone of a link-local peer is not a part of its address", () => {
    const lines = [["X-Forwarded-For", "203.0.113.7"]] as const;
    expect(originOf(["fe80::/10"], "x-forwarded", "fe80::1%eth0", lines)?.address).toBe(
      "203.0.113.7",
    );
  });

  test("scheme and host are what the nearest proxy says", () => {
    const lines = [
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Proto", "HTTPS"],
      ["X-Forwarded-Host", "evil.example, shop.example:8443"],
    ] as const;
    expect(originOf(trusted, "x-forwarded", "10.0.0.1", lines)).toMatchObject({
      scheme: "https",
      host: "shop.example:8443",
    });
  });

  test.each(["javascript", "https://x", ""])("the scheme %p is none", (scheme) => {
    const lines = [["X-Forwarded-Proto", scheme]] as const;
    expect(originOf(trusted, "x-forwarded", "10.0.0.1", lines)?.scheme).toBeUndefined();
  });

  test.each([
    "a/b",
    "a b",
    "user@host",
    "host:99999",
    "host:",
    "[::1",
    "a\\b",
    "a?b",
    "a#b",
    "<x>",
  ])("the host %p is none", (host) => {
    const lines = [["X-Forwarded-Host", host]] as const;
    expect(originOf(trusted, "x-forwarded", "10.0.0.1", lines)?.host).toBeUndefined();
  });
});

describe("Forwarded (RFC 7239)", () => {
  test.each<[string, string[], [string, string | undefined, string | undefined]]>([
    [
      "one element",
      ["for=203.0.113.7;proto=https;host=shop.example"],
      ["203.0.113.7", "https", "shop.example"],
    ],
    [
      "names in any case, quoted values, blanks",
      ['For="[2001:DB8::1]:4711" ; PROTO=http'],
      ["2001:db8::1", "http", undefined],
    ],
    [
      "scheme and host of the element of the client",
      [
        "for=1.1.1.1;proto=http;host=evil, for=203.0.113.7;proto=https;host=shop.example, for=10.0.0.2;proto=http;host=inner",
      ],
      ["203.0.113.7", "https", "shop.example"],
    ],
    [
      "two lines",
      ["for=1.1.1.1", "for=203.0.113.7;proto=https"],
      ["203.0.113.7", "https", undefined],
    ],
    [
      "a hidden client stops",
      ["for=203.0.113.7, for=_hidden, for=10.0.0.2;proto=https"],
      ["10.0.0.2", "https", undefined],
    ],
    [
      "an element without for stops",
      ["for=203.0.113.7, proto=https, for=10.0.0.2"],
      ["10.0.0.2", undefined, undefined],
    ],
    [
      "a quote that the client left open swallows nothing",
      ['for="1.1.1.1, for="[2001:db8::7]"'],
      ["2001:db8::7", undefined, undefined],
    ],
    [
      "a comma inside quotes parts nothing",
      ['for=203.0.113.7;secret="a,b"'],
      ["203.0.113.7", undefined, undefined],
    ],
    [
      "a parameter twice is malformed",
      ["for=203.0.113.7;for=1.1.1.1"],
      ["10.0.0.1", undefined, undefined],
    ],
    [
      "a malformed element stops",
      ["for=203.0.113.7, for 1, for=10.0.0.2"],
      ["10.0.0.2", undefined, undefined],
    ],
    ["no header", [], ["10.0.0.1", undefined, undefined]],
  ])("%s", (_, lines, [address, scheme, host]) => {
    const headers = lines.map((line): [string, string] => ["Forwarded", line]);
    expect<unknown>(originOf(["10.0.0.0/8"], "forwarded", "10.0.0.1", headers)).toEqual({
      address,
      scheme,
      host,
    });
  });

  test("the other family is not read: proxies pass it on as it was sent", () => {
    const lines = [
      ["Forwarded", "for=1.1.1.1"],
      ["X-Forwarded-For", "203.0.113.7"],
    ] as const;
    expect(originOf(["10.0.0.1"], "forwarded", "10.0.0.1", lines)?.address).toBe("1.1.1.1");
    expect(originOf(["10.0.0.1"], "x-forwarded", "10.0.0.1", lines)?.address).toBe("203.0.113.7");
  });

  test("time is linear in the header", () => {
    const header = `${'for="'.repeat(3_000)}, ${"for=1.1.1.1,".repeat(1_000)}`;
    const start = performance.now();
    originOf(["10.0.0.1"], "forwarded", "10.0.0.1", [["Forwarded", header]]);
    expect(performance.now() - start).toBeLessThan(100);
  });
});

describe("over a socket", () => {
  const ask = async (options: RobynOptions, headers: string) => {
    const app = quietApp(options).get("/", ({ ipAddr, scheme, host, url }) => [
      ipAddr,
      scheme,
      host,
      url.href,
    ]);
    await using server = await serveApp(app);
    const { text } = await exchange(
      server.port,
      `GET /?a=1 HTTP/1.1\r\nHost: inner:80\r\n${headers}\r\n`,
    );
    return JSON.parse(text) as unknown;
  };
  const forwarded =
    "X-Forwarded-For: 1.1.1.1, 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n";

  test("from a declared proxy", async () => {
    for (const trusted of ["loopback", "127.0.0.1", "127.0.0.0/8", "::ffff:7f00:1"]) {
      expect(await ask({ trustedProxies: [trusted] }, forwarded)).toEqual([
        "203.0.113.7",
        "https",
        "shop.example",
        "https://shop.example/?a=1",
      ]);
    }
  });

  test("from anybody else, and by default", async () => {
    const own = ["127.0.0.1", "http", "inner:80", "http://inner/?a=1"];
    expect(await ask({}, forwarded)).toEqual(own);
    expect(await ask({ trustedProxies: [] }, forwarded)).toEqual(own);
    expect(await ask({ trustedProxies: ["private"] }, forwarded)).toEqual(own);
    expect(
      await ask({ trustedProxies: ["loopback"], proxyHeaders: "forwarded" }, forwarded),
    ).toEqual(own);
  });

  test("a Host that is none is 400 where it is read", async () => {
    const app = quietApp().get("/", ({ host }) => host);
    await using server = await serveApp(app);
    const { status } = await exchange(server.port, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    expect(status).toBe(400);
  });
});

test("in process nobody is a proxy", async () => {
  const app = quietApp({ trustedProxies: ["loopback", "0.0.0.0/0", "::/0"] });
  app.get("/", ({ ipAddr, scheme, host }) => [ipAddr, scheme, host]);
  const headers = { "x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https" };
  expect(await (await app.request("http://own.example/", { headers })).json()).toEqual([
    null,
    "http",
    "own.example",
  ]);
});

test.each<[string, RobynOptions]>([
  ["a network with bits behind its prefix", { trustedProxies: ["10.0.0.1/8"] }],
  ["a prefix that is too long", { trustedProxies: ["10.0.0.0/33"] }],
  ["an octet above 255", { trustedProxies: ["1.2.2.355"] }],
  ["a zone", { trustedProxies: ["fe80::1%eth0"] }],
  ["a name", { trustedProxies: ["proxy.example"] }],
  ["an inherited name", { trustedProxies: ["constructor"] }],
  ["no list", { trustedProxies: "loopback" as unknown as string[] }],
  ["a number", { trustedProxies: [10 as unknown as string] }],
  ["another family", { trustedProxies: [], proxyHeaders: "x-real-ip" as ProxyHeaders }],
  ["a family and nobody to believe", { proxyHeaders: "forwarded" }],
])("%s is refused when the app is made", (_, options) => {
  expect(() => quietApp(options)).toThrow("ROBYN_OPTION_INVALID");
});
