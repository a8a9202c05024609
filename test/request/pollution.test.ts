/** Names of the prototype are data in every parser, with and without schemas; `Object.prototype` stays as it was. */
import { afterEach, expect, test } from "bun:test";
import { t } from "robyn";
import { multipart, multipartType, part } from "../support/multipart.ts";
import { quietApp } from "../support/serve.ts";

const before = Object.getOwnPropertyNames(Object.prototype).toSorted();
const hostile = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "__proto__[polluted]",
  "constructor.prototype.polluted",
];
const urlencoded = hostile.map((name) => `${encodeURIComponent(name)}=x`).join("&");

/** Names and values as they are seen, and whether the object itself was changed. */
function show(bag: unknown): unknown {
  const object = bag as Record<string, unknown>;
  return {
    names: Object.keys(object),
    polluted: "polluted" in object,
    isPlain: [null, Object.prototype].includes(Object.getPrototypeOf(object)),
  };
}

const app = quietApp();
const any = t.Object({ known: t.Optional(t.String()) });
app.get("/query", ({ query }) => show(query));
app.get("/query/schema", { query: any }, ({ query }) => show(query));
app.get("/params/:__proto__/:constructor", ({ params }) => show(params));
app.get("/params/schema/:__proto__/:constructor", { params: any }, ({ params }) => show(params));
app.get("/cookies", ({ cookies }) => show(Object.fromEntries(cookies)));
app.get("/cookies/schema", { cookies: any }, ({ cookies }) => show(cookies));
app.get("/headers/schema", { headers: any }, ({ headers }) => show(headers));
app.post("/form", async ({ form }) => {
  const { fields, files } = await form();
  return [show(fields), show(files)];
});
app.post("/form/schema", { body: any, bodyType: "form" }, ({ body }) => show(body));
app.post("/json", async ({ json }) => show(await json()));
app.post("/json/schema", { body: any }, ({ body }) => show(body));
app.post("/json/merged", async ({ json }) => show({ ...((await json()) as object) }));

afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).toSorted()).toEqual(before);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect((Object as { polluted?: unknown }).polluted).toBeUndefined();
});

const all = { names: hostile, polluted: false, isPlain: true };

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await app.request(path, init);
  expect(response.status).toBe(200);
  return await response.json();
}

test.each(["/query", "/query/schema"])("%s keeps them as keys", async (path) => {
  expect(await ask(`${path}?${urlencoded}`)).toEqual(all);
});

test.each(["/params", "/params/schema"])("%s keeps them as names", async (path) => {
  expect(await ask(`${path}/polluted/x`)).toEqual({ ...all, names: ["__proto__", "constructor"] });
});

test.each(["/cookies", "/cookies/schema"])("%s keeps them as names", async (path) => {
  const cookie = "__proto__=x; constructor=y; toString=z; polluted2=1";
  expect(await ask(path, { headers: { cookie } })).toEqual({
    ...all,
    names: ["__proto__", "constructor", "toString", "polluted2"],
  });
});

test("headers keep them as names", async () => {
  const seen = (await ask("/headers/schema", {
    headers: { __proto__x: "1", ["__proto__"]: "x", constructor: "y" },
  })) as typeof all;
  expect(seen.names).toContain("constructor");
  expect(seen).toMatchObject({ polluted: false, isPlain: true });
});

test.each(["/form", "/form/schema"])("%s, urlencoded, keeps them as fields", async (path) => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const seen = await ask(path, { method: "POST", headers, body: urlencoded });
  expect([seen].flat()[0]).toEqual(all);
});

test.each(["/form", "/form/schema"])(
  "%s, multipart, keeps them as fields and files",
  async (path) => {
    const body = multipart(
      ...hostile.map((name) => part(`; name="${name}"`, "x")),
      ...hostile.map((name) => part(`; name="${name}"; filename="${name}"`, "x")),
    );
    const seen = await ask(path, { method: "POST", headers: multipartType, body });
    for (const bag of [seen].flat()) expect(bag).toEqual(all);
  },
);

test.each(["/json", "/json/schema", "/json/merged"])(
  "%s keeps them as own properties",
  async (path) => {
    const body =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}';
    const headers = { "content-type": "application/json" };
    expect(await ask(path, { method: "POST", headers, body })).toEqual({
      ...all,
      names: ["__proto__", "constructor", "toString"],
    });
  },
);
