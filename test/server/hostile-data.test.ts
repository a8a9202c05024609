/** Names and numbers of values: `__proto__`, and far too many. */
import { describe, expect, test } from "bun:test";
import { request } from "../support/raw.ts";
import { startVictim } from "../support/victim.ts";

const victim = startVictim((app) => {
  app.get("/query", ({ query }) => Object.entries(query));
  app.get("/no-query", () => "untouched");
  app.get("/:__proto__/:constructor/params", ({ params }) => Object.entries(params));
  app.get("/headers", ({ headers }) => headers.get("__proto__"));
  app.get("/cookies", ({ cookies }) => cookies.get("__proto__"));
  app.post("/json", async (context) => {
    const body = await context.json();
    return Object.assign({}, typeof body === "object" ? body : {});
  });
});

/** What `victim` checks after each test: nothing of it has reached `Object.prototype`. */
describe("names of the prototype are data", () => {
  test("in the query", async () => {
    const target = "/query?__proto__=a&__proto__[polluted]=b&constructor=c&toString=d&__proto__=e";
    expect(JSON.parse((await victim.get(target)).text)).toEqual([
      ["__proto__", ["a", "e"]],
      ["__proto__[polluted]", "b"],
      ["constructor", "c"],
      ["toString", "d"],
    ]);
  });

  test("in the names of path parameters", async () => {
    expect(JSON.parse((await victim.get("/a/b/params")).text)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("in the values of path parameters", async () => {
    const { text } = await victim.get("/__proto__/constructor/params");
    expect(JSON.parse(text)[0]).toEqual(["__proto__", "__proto__"]);
  });

  test("in headers", async () => {
    const bytes = "GET /headers HTTP/1.1\r\nHost: localhost\r\n__proto__: polluted\r\n\r\n";
    expect((await victim.exchange(bytes)).text).toBe("polluted");
  });

  test("in cookies", async () => {
    expect((await victim.get("/cookies", { Cookie: "__proto__=x; a=b" })).text).toBe("x");
  });

  test("in JSON bodies", async () => {
    const bytes = request("POST", "/json", {}, '{"__proto__":{"polluted":1},"a":1}');
    const { status, text } = await victim.exchange(bytes, "POST");
    expect(status).toBe(200);
    expect(JSON.parse(text).a).toBe(1);
  });
});

describe("the number of query parameters", () => {
  const query = (pairs: number) => Array.from({ length: pairs }, (_, it) => `k${it}=`).join("&");

  test("may be 1,000", async () => {
    const { status, text } = await victim.get(`/query?${query(1_000)}`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toHaveLength(1_000);
  });

  test("above 1,000 is answered 400 with a reason", async () => {
    for (const pairs of [1_001, 2_000]) {
      const { status, text } = await victim.get(`/query?${query(pairs)}`);
      expect(status).toBe(400);
      expect(JSON.parse(text).detail).toBe("the query has more than 1000 parameters");
    }
  });

  test("counts repeated keys", async () => {
    expect((await victim.get(`/query?${"a=1&".repeat(1_001)}`)).status).toBe(400);
  });

  test("does not matter where nobody reads the query", async () => {
    expect((await victim.get(`/no-query?${query(2_000)}`)).text).toBe("untouched");
  });
});

describe("malformed bodies", () => {
  test.each(["{", "", "[1,]", "\u0000", "nul"])("JSON %j is answered 400", async (body) => {
    const bytes = request("POST", "/json", { "Content-Length": String(body.length) }, body);
    const { status, headers, text } = await victim.exchange(bytes, "POST");
    expect(status).toBe(400);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(text).detail).toMatch(/JSON/);
  });

  test("JSON of 5,000 levels is no crash", async () => {
    const bytes = request("POST", "/json", {}, "[".repeat(5_000));
    expect((await victim.exchange(bytes, "POST")).status).toBe(400);
  });
});
