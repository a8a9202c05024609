/** Methods that a server must refuse, and ones that try to be another (RFC 9110 §9). */
import { describe, expect, test } from "bun:test";
import { RawClient, request } from "../support/raw.ts";
import { quietApp } from "../support/serve.ts";
import { startVictim } from "../support/victim.ts";

const victim = startVictim((app) => {
  app.get("/", () => "root");
  app.get("/things/:id", () => "read");
  app.post("/things/:id", () => "created");
  app.delete("/things/:id", () => "deleted");
  app.addRoute("PROPFIND", "/dav", {}, ({ method }) => `found by ${method}`);
});

describe("a method that no route takes", () => {
  test.each(["TRACE", "CONNECT", "PURGE", "M-SEARCH", "LINK"])("%s is answered 501", async (it) => {
    const { status, headers, text } = await victim.exchange(request(it, "/"), it);
    expect(status).toBe(501);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text)).toEqual({
      type: "about:blank",
      title: "Not Implemented",
      status: 501,
    });
  });

  test("TRACE does not echo the request, which may carry credentials", async () => {
    const bytes = request("TRACE", "/", { Cookie: "session=canary" });
    const { status, text } = await victim.exchange(bytes, "TRACE");
    expect(status).toBe(501);
    expect(text).not.toContain("canary");
  });

  test("CONNECT to another host opens no tunnel", async () => {
    const { status } = await victim.exchange(
      request("CONNECT", "other.example:443", { Host: "other.example:443" }),
      "CONNECT",
    );
    expect(status).toBeGreaterThanOrEqual(400);
  });

  test.each(["FOO", "get", "Get"])("%s is no method that Bun knows: it closes", async (it) => {
    using client = await RawClient.connect(victim.port);
    client.send(request(it, "/"));
    await client.closes();
    expect(client.received).not.toContain("root");
  });

  test("in process an unknown token is answered 501", async () => {
    const app = quietApp().get("/", () => "root");
    const unknown = new Request("http://localhost/");
    Object.defineProperty(unknown, "method", { value: "FOO" });
    expect((await app.fetch(unknown)).status).toBe(501);
  });
});

describe("PROPFIND, once a route takes it", () => {
  test("is answered there", async () => {
    const { status, text } = await victim.exchange(request("PROPFIND", "/dav"), "PROPFIND");
    expect({ status, text }).toEqual({ status: 200, text: "found by PROPFIND" });
  });

  test("is 405 with Allow elsewhere", async () => {
    const { status, headers } = await victim.exchange(request("PROPFIND", "/"), "PROPFIND");
    expect(status).toBe(405);
    expect(headers.allow).toBe("GET, HEAD, OPTIONS");
  });

  test("is named in Allow", async () => {
    const { status, headers } = await victim.get("/dav");
    expect(status).toBe(405);
    expect(headers.allow).toBe("OPTIONS, PROPFIND");
  });
});

describe("a request does not become another one", () => {
  test.each(["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])(
    "the header %s is ignored",
    async (name) => {
      const bytes = request("POST", "/things/1?_method=DELETE", { [name]: "DELETE" }, "x");
      expect((await victim.exchange(bytes, "POST")).text).toBe("created");
    },
  );

  test("`_method` in a form is ignored", async () => {
    const type = { "Content-Type": "application/x-www-form-urlencoded" };
    const bytes = request("POST", "/things/1", type, "_method=DELETE");
    expect((await victim.exchange(bytes, "POST")).text).toBe("created");
  });

  test("headers that rewrite the path elsewhere are ignored", async () => {
    const names = ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Robyn-Path"];
    const headers = Object.fromEntries(names.map((name) => [name, "/things/1"]));
    expect((await victim.get("/", headers)).text).toBe("root");
  });
});

describe("a known path with another method", () => {
  test("is 405 with every method that it takes", async () => {
    const { status, headers, text } = await victim.exchange(request("PUT", "/things/1"), "PUT");
    expect(status).toBe(405);
    expect(headers.allow).toBe("DELETE, GET, HEAD, OPTIONS, POST");
    expect(JSON.parse(text)).toEqual({
      type: "about:blank",
      title: "Method Not Allowed",
      status: 405,
    });
  });

  test("OPTIONS is answered 204 with Allow", async () => {
    const { status, headers } = await victim.exchange(request("OPTIONS", "/things/1"), "OPTIONS");
    expect(status).toBe(204);
    expect(headers.allow).toBe("DELETE, GET, HEAD, OPTIONS, POST");
  });

  test("OPTIONS on an unknown path is 404", async () => {
    expect((await victim.exchange(request("OPTIONS", "/no"), "OPTIONS")).status).toBe(404);
  });
});
