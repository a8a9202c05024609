/** Hostile request targets, sent byte for byte. */
import { describe, expect, test } from "bun:test";
import { exchange, request } from "../support/raw.ts";
import { quietApp } from "../support/serve.ts";
import { startVictim } from "../support/victim.ts";

const victim = startVictim((app) => {
  app.get("/", () => "root");
  app.get("/value/:value", ({ params }) => params);
  app.get("/files/*path", ({ params }) => params);
  app.get("/path/*", ({ path }) => path);
  app.get("/*any", ({ path }) => `any ${path}`);
});

const refused = {
  type: "about:blank",
  title: "Bad Request",
  status: 400,
  detail: "the path is not valid percent-encoded UTF-8 or has control characters",
};

describe("a path that is no text is refused with 400", () => {
  const targets: [what: string, target: string][] = [
    ["an encoded NUL byte", "/value/%00"],
    ["an encoded NUL byte behind text", "/value/a%00b"],
    ["an encoded line break", "/value/a%0d%0ab"],
    ["an encoded DEL", "/value/%7F"],
    ["a percent sign with no digits", "/value/%zz"],
    ["a percent sign in prose", "/value/50%-off"],
    ["a percent sign at the end", "/value/100%"],
    ["half a percent encoding", "/value/%4"],
    ["a byte that is not UTF-8", "/value/%FF"],
    ["an encoded surrogate", "/value/%ED%A0%80"],
    ["an overlong encoding of a dot", "/files/%c0%ae%c0%ae/x"],
    ["the same where only a rest matches", "/%00"],
  ];
  test.each(targets)("%s", async (_, target) => {
    const { status, headers, text } = await victim.get(target);
    expect(status).toBe(400);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text)).toEqual(refused);
  });
});

describe("dot segments never climb", () => {
  test("`%2e%2e` is resolved as `..` before anything is matched", async () => {
    expect((await victim.get("/%2e%2e")).text).toBe("root");
    expect((await victim.get("/value/%2e%2e")).text).toBe("root");
    expect((await victim.get("/files/%2E%2e/%2e%2E/%2e%2e/etc/passwd")).text).toBe(
      "any /etc/passwd",
    );
  });

  test("`..%2f` stays one segment and does not leave the route", async () => {
    expect(JSON.parse((await victim.get("/value/..%2fx")).text)).toEqual({ value: "../x" });
  });

  test("`%252e%252e` is decoded once and not twice", async () => {
    expect(JSON.parse((await victim.get("/value/%252e%252e")).text)).toEqual({ value: "%2e%2e" });
  });

  test("`..%5c` stays data", async () => {
    expect(JSON.parse((await victim.get("/value/..%5cx")).text)).toEqual({ value: "..\\x" });
  });
});

describe("length", () => {
  test("a path of 8,192 bytes is served", async () => {
    const { status, text } = await victim.get(`/${"a".repeat(8_191)}`);
    expect(status).toBe(200);
    expect(text).toHaveLength("any /".length + 8_191);
  });

  test("a path of 8,193 bytes is answered 414", async () => {
    const { status, headers, text } = await victim.get(`/${"a".repeat(8_192)}`);
    expect(status).toBe(414);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text)).toEqual({ type: "about:blank", title: "URI Too Long", status: 414 });
  });

  test("a long query is not part of the path and is served", async () => {
    expect((await victim.get(`/?q=${"a".repeat(12_000)}`)).text).toBe("root");
  });

  test("a target of 64 KiB is refused without reaching a handler", async () => {
    const { status, text } = await victim.get(`/${"a".repeat(65_536)}`);
    expect([414, 431]).toContain(status);
    expect(text).not.toContain("any");
  });

  test("nothing but slashes is answered like any other length", async () => {
    expect((await victim.get("/".repeat(8_192))).status).toBeOneOf([200, 400, 404]);
    expect((await victim.get("/".repeat(15_000))).status).toBe(414);
  });
});

describe("odd forms of the target", () => {
  test("a fragment is cut before matching", async () => {
    expect((await victim.get("/#/value/x")).text).toBe("root");
    expect(JSON.parse((await victim.get("/value/x#y")).text)).toEqual({ value: "x" });
  });

  test("`//evil.com` is a path and not an authority", async () => {
    const { status, text } = await victim.get("//evil.com");
    expect({ status, text }).toEqual({ status: 200, text: "any //evil.com" });
  });

  test("`/\\evil.com` becomes `//evil.com`, as in every browser", async () => {
    expect((await victim.get("/\\evil.com")).text).toBe("any //evil.com");
  });

  test("an absolute target is matched by its path", async () => {
    expect(JSON.parse((await victim.get("http://evil.example/value/1")).text)).toEqual({
      value: "1",
    });
  });

  test("raw UTF-8 and its percent encoding are the same path", async () => {
    expect((await victim.get("/path/š")).text).toBe("/path/%C5%A1");
    expect((await victim.get("/path/%c5%a1")).text).toBe("/path/%C5%A1");
  });

  test("a character whose low byte is a letter does not match that letter", async () => {
    // Written as Latin-1, U+0161 would become 0x61 and so `/šlive` would be `/alive`.
    expect((await victim.get("/šlive")).text).toBe("any /%C5%A1live");
    const invalidHost = await exchange(victim.port, request("GET", "/šlive", { Host: "" }));
    expect(invalidHost.status).toBe(400);
  });
});

describe("lone surrogates, which only a caller in process can send", () => {
  const app = quietApp().get("/value/:value", ({ params }) => params.value);

  test("are replaced as the URL standard says", async () => {
    const response = await app.request("/value/\ud800x");
    expect({ status: response.status, text: await response.text() }).toEqual({
      status: 200,
      text: "\ufffdx",
    });
  });

  test("in a URL that was not normalised are refused", async () => {
    const request = new Request("http://localhost/");
    Object.defineProperty(request, "url", { value: "http://localhost/value/\udfff" });
    expect((await app.fetch(request)).status).toBe(400);
  });
});
