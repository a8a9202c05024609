/** What a handler reads of a request, through every door. */
import { describe, expect, test } from "bun:test";
import { type Context, t } from "robyn";
import { openDoors } from "../support/doors.ts";
import { exchange, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";

/** Answers every method below `/` with what `read` gives. */
async function reads(
  read: (context: Context<{ rest: string }>) => unknown,
  it: Parameters<Awaited<ReturnType<typeof openDoors>>["ask"]>[0],
) {
  await using doors = await openDoors((app) => app.get("/*rest", read).post("/*rest", read));
  return await doors.ask(it);
}

describe("the query", () => {
  const cases: [search: string, expected: unknown][] = [
    ["", {}],
    ["?", {}],
    ["?a=1&b=2", { a: "1", b: "2" }],
    ["?a=1&a=2&a=3", { a: ["1", "2", "3"] }],
    ["?a", { a: "" }],
    ["?a=b=c", { a: "b=c" }],
    ["?a+b=c+d", { "a b": "c d" }],
    ["?%C3%A4=%E2%82%AC", { ä: "€" }],
    ["?a=%zz", { a: "%zz" }],
    ["?a=1?b=2", { a: "1?b=2" }],
    ["?a=1#b=2", { a: "1" }],
    ["?a=%2F&b=%26", { a: "/", b: "&" }],
  ];
  test.each(cases)("%s", async (search, expected) => {
    const { text } = await reads(({ query }) => query, `/path${search}`);
    expect(JSON.parse(text)).toEqual(expected);
  });

  test("has no prototype, so no key is mistaken for a method", async () => {
    const { text } = await reads(({ query }) => [typeof query.toString, "valueOf" in query], "/x");
    expect(JSON.parse(text)).toEqual(["undefined", false]);
  });
});

describe("the path", () => {
  test.each([
    ["/a/b/", "/a/b"],
    ["/%61/b?c=d", "/a/b"],
    ["/a%2fb", "/a%2Fb"],
    ["/x/../a", "/a"],
    ["/ä", "/%C3%A4"],
  ])("of %s is %s", async (target, expected) => {
    expect((await reads(({ path }) => path, target)).text).toBe(expected);
  });

  test("parameters are decoded once", async () => {
    expect((await reads(({ params }) => params.rest, "/a%20b%2Fc%2525")).text).toBe("a b/c%25");
  });
});

describe("headers and cookies", () => {
  test("headers are found in any case", async () => {
    const it = { target: "/x", headers: { "X-Custom": "1" } };
    expect((await reads(({ headers }) => headers.get("x-custom"), it)).text).toBe("1");
  });

  test("cookies are parsed, and none is no error", async () => {
    const read = ({ cookies }: Context<{ rest: string }>) => [cookies.get("a"), cookies.get("b")];
    const it = { target: "/x", headers: { Cookie: "a=1; b=c%20d" } };
    expect(JSON.parse((await reads(read, it)).text)).toEqual(["1", "c d"]);
    expect(JSON.parse((await reads(read, "/x")).text)).toEqual([null, null]);
  });
});

describe("the body", () => {
  const post = (body: string, type = "text/plain") => ({
    method: "POST",
    target: "/x",
    body,
    headers: { "Content-Type": type },
  });

  test("is read as text, bytes and JSON, more than once and in any order", async () => {
    const { text } = await reads(
      async (context) => [
        await context.text(),
        (await context.bytes()).length,
        await context.json(),
        await context.text(),
      ],
      post('{"ä":1}'),
    );
    expect(JSON.parse(text)).toEqual(['{"ä":1}', 8, { ä: 1 }, '{"ä":1}']);
  });

  test("is read as bytes first, then as text", async () => {
    const { text } = await reads(
      async (context) => [[...(await context.bytes())], await context.text()],
      post("ä"),
    );
    expect(JSON.parse(text)).toEqual([[195, 164], "ä"]);
  });

  test("is the same bytes, and the same form, after it was read as text", async () => {
    const content = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0x00, 0x80]);
    const head = '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n';
    const sent = new Uint8Array(
      Buffer.concat([Buffer.from(head), content, Buffer.from("\r\n--x--")]),
    );
    const app = quietApp();
    app.beforeRequest(async ({ text }) => void (await text()));
    app.post("/bytes", ({ bytes }) => bytes());
    app.post("/form", async ({ form }) => (await form()).files.a![0]!.bytes());
    await using server = await serveApp(app);
    const init = {
      method: "POST",
      body: sent,
      headers: { "content-type": "multipart/form-data; boundary=x" },
    };
    expect(Buffer.from(await (await fetch(server.url("/bytes"), init)).bytes())).toEqual(
      Buffer.from(sent),
    );
    expect(Buffer.from(await (await fetch(server.url("/form"), init)).bytes())).toEqual(content);
  });

  test("can be read again after a schema has read it, short or long", async () => {
    const app = quietApp();
    const body = t.Object({ a: t.String() });
    app.post("/text", { body }, ({ text }) => text());
    app.post("/json", { body }, ({ json }) => json());
    app.post("/bytes", { body }, ({ bytes }) => bytes());
    await using server = await serveApp(app);
    for (const path of ["/text", "/json", "/bytes"])
      for (const sent of ['{"a":"ä"}', JSON.stringify({ a: "ä".repeat(1_000) })]) {
        const headers = { "content-type": "application/json" };
        const response = await fetch(server.url(path), { method: "POST", body: sent, headers });
        expect([response.status, await response.text()]).toEqual([200, sent]);
      }
  });

  test("is parsed as JSON whatever its type says", async () => {
    expect((await reads((it) => it.json(), post("[1]", "text/html"))).text).toBe("[1]");
  });

  test("is read as a form", async () => {
    const read = async (context: Context<{ rest: string }>) => [...(await context.formData())];
    const { text } = await reads(read, post("a=1&a=2", "application/x-www-form-urlencoded"));
    expect(JSON.parse(text)).toEqual([
      ["a", "1"],
      ["a", "2"],
    ]);
  });

  test("of another type is 415 where a form is expected", async () => {
    const read = (context: Context<{ rest: string }>) => context.formData();
    for (const type of ["application/json", "text/plain", "multipart/form-dataX"])
      expect((await reads(read, post("{}", type))).status).toBe(415);
  });

  test("that is no multipart form although it says so is 400", async () => {
    const read = async (context: Context<{ rest: string }>) => [...(await context.formData())];
    for (const type of ["multipart/form-data", "multipart/form-data; boundary=x"])
      expect((await reads(read, post("nonsense", type))).status).toBe(400);
  });
});

describe("where the request came from", () => {
  const app = () =>
    quietApp().get("/", ({ ipAddr, url, method, server }) => ({
      ipAddr,
      host: url.host,
      method,
      isServed: server !== undefined,
    }));

  test("over a socket: the address of the peer and the Host that it sent", async () => {
    await using served = await serveApp(app());
    const bytes = request("GET", "/", { Host: "example.com:81", "X-Forwarded-For": "10.0.0.1" });
    expect(JSON.parse((await exchange(served.port, bytes)).text)).toEqual({
      ipAddr: "127.0.0.1",
      host: "example.com:81",
      method: "GET",
      isServed: true,
    });
  });

  test("in process: no address", async () => {
    expect(await (await app().request("/")).json()).toEqual({
      ipAddr: null,
      host: "localhost",
      method: "GET",
      isServed: false,
    });
  });
});

test("the state of a request is its own", async () => {
  const app = quietApp()
    .beforeRequest(({ state, query }) => void (query.mark && (state.mark = query.mark)))
    .get("/", ({ state }) => state.mark ?? "none");
  expect(await (await app.request("/?mark=a")).text()).toBe("a");
  expect(await (await app.request("/")).text()).toBe("none");
});
