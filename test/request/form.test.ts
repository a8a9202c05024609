/** What a handler gets of a form, through every door; and what is refused. */
import { describe, expect, test } from "bun:test";
import type { Context, Form, FormOptions, Robyn, Upload } from "robyn";
import { t } from "robyn";
import { type Answer, type Case, openDoors } from "../support/doors.ts";
import { multipart, multipartType, part } from "../support/multipart.ts";
import { quietApp } from "../support/serve.ts";

async function describeUpload(upload: Upload): Promise<unknown[]> {
  return [upload.name, upload.type, upload.size, await upload.text()];
}

async function describeForm({ fields, files }: Form): Promise<unknown> {
  const lists = Object.entries(files).map(
    async ([name, uploads]) => [name, await Promise.all(uploads.map(describeUpload))] as const,
  );
  return { fields, files: Object.fromEntries(await Promise.all(lists)) };
}

async function ask(it: Omit<Case, "target">, options?: FormOptions): Promise<Answer> {
  const answer = async ({ form }: Context) => await describeForm(await form(options));
  await using doors = await openDoors((app: Robyn) => app.post("/", answer));
  return await doors.ask({ method: "POST", target: "/", ...it });
}

async function read(body: string, headers: Case["headers"] = multipartType): Promise<unknown> {
  const { status, text } = await ask({ headers, body });
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return JSON.parse(text);
}

async function refused(body: string, options?: FormOptions): Promise<[number, string]> {
  const { status, text } = await ask({ headers: multipartType, body }, options);
  return [status, (JSON.parse(text) as { detail: string }).detail];
}

describe("a multipart form", () => {
  test("has fields and files by the name of their field, repeated ones too", async () => {
    const body = multipart(
      part('; name="title"', "Holiday"),
      part('; name="tag"', "sea"),
      part('; name="photo"; filename="a.png"', "AAA", "Content-Type: image/png"),
      part('; name="tag"', "sun"),
      part('; name="photo"; filename="a.png"', "BB"),
      part('; name="tag"', ""),
    );
    expect(await read(body)).toEqual({
      fields: { title: "Holiday", tag: ["sea", "sun", ""] },
      files: {
        photo: [
          ["a.png", "image/png", 3, "AAA"],
          ["a.png", "application/octet-stream", 2, "BB"],
        ],
      },
    });
  });

  test.each<[string, string, string, string]>([
    ["quoted", '; name="a b"; filename="c d.txt"', "a b", "c d.txt"],
    ["as a token", "; name=a; filename=c.txt", "a", "c.txt"],
    ["in any case and order", '; FILENAME="c.txt"; Name="a"', "a", "c.txt"],
    ["in UTF-8", '; name="größe"; filename="näme €.txt"', "größe", "näme €.txt"],
    ["with a quote, as browsers send it", '; name="a%22b"; filename="c%22.txt"', 'a"b', 'c".txt'],
    ["with a quote, escaped", '; name="a\\"b\\\\"; filename="c\\".txt"', 'a"b\\', 'c".txt'],
    ["with a semicolon", '; name="a;b"; filename="c;d=e.txt"', "a;b", "c;d=e.txt"],
    ["with a directory, which is cut", '; name="a"; filename="../../etc/passwd"', "a", "passwd"],
    ["with a directory of Windows", '; name="a"; filename="C:\\temp\\new.txt"', "a", "new.txt"],
    [
      "encoded (RFC 8187)",
      "; name=a; filename=x; filename*=UTF-8'en'%e2%82%ac%20a.txt",
      "a",
      "€ a.txt",
    ],
    ["encoded, a directory in it", "; name=a; filename*=utf-8''..%2F..%5Cx.txt", "a", "x.txt"],
    [
      "with an encoded line break, which stays encoded",
      '; name="a"; filename="b%0D%0Ac.txt"',
      "a",
      "b%0D%0Ac.txt",
    ],
  ])("takes names %s", async (_, disposition, field, name) => {
    expect(await read(multipart(part(disposition, "x")))).toEqual({
      fields: {},
      files: { [field]: [[name, "application/octet-stream", 1, "x"]] },
    });
  });

  test("without a chosen file has none", async () => {
    const body = multipart(
      part('; name="photo"; filename=""', "", "Content-Type: application/octet-stream"),
    );
    expect(await read(body)).toEqual({ fields: {}, files: {} });
  });

  test("keeps an empty file that has a name", async () => {
    const body = multipart(part('; name="photo"; filename="a"', ""));
    expect(await read(body)).toMatchObject({
      files: { photo: [["a", "application/octet-stream", 0, ""]] },
    });
  });

  test("decodes fields by their charset, UTF-8 without one", async () => {
    const bytes = "\u00e4".repeat(1);
    const app = quietApp().post("/", async ({ form }) => (await form()).fields);
    const body = multipart(
      part('; name="latin"', bytes, "Content-Type: text/plain; charset=iso-8859-1"),
      part('; name="_charset_"', "windows-1252"),
      part('; name="euro"', "\x80"),
      part('; name="own"', "\xe2\x82\xac", 'Content-Type: text/plain; charset="UTF-8"'),
    );
    const init = { method: "POST", headers: multipartType, body: Buffer.from(body, "latin1") };
    expect(await (await app.request("/", init)).json()).toEqual({
      latin: "ä",
      _charset_: "windows-1252",
      euro: "€",
      own: "€",
    });
  });

  test("is what FormData sends", async () => {
    const app = quietApp().post("/", async ({ form }) => await describeForm(await form()));
    const body = new FormData();
    body.append("a", "1");
    body.append("a", "2\r\n--x\r\n");
    body.append('q"', "\u20ac");
    body.append("f", new File(["hello"], 'näme".txt', { type: "text/plain" }));
    const expected = {
      fields: { a: ["1", "2\r\n--x\r\n"], 'q"': "€" },
      files: { f: [['näme".txt', expect.stringContaining("text/plain"), 5, "hello"]] },
    };
    const response = await app.request("/", { method: "POST", body });
    expect(await response.json()).toEqual(expected);
  });

  test("may be read again, and after its bytes", async () => {
    const app = quietApp().post("/", async ({ form, bytes }) => {
      const { length } = await bytes();
      const [first, second] = [await form(), await form()];
      return [length > 50, first === second, first.fields.a ?? null];
    });
    const init = { method: "POST", headers: multipartType, body: multipart(part("; name=a", "1")) };
    expect(await (await app.request("/", init)).json()).toEqual([true, true, "1"]);
  });
});

describe("a urlencoded form", () => {
  const type = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  test("has the same shape", async () => {
    expect(await read("a=1&b=x+y&a=%E2%82%AC&c", type)).toEqual({
      fields: { a: ["1", "€"], b: "x y", c: "" },
      files: {},
    });
  });

  test("with too many fields or bytes is 413", async () => {
    const many = { headers: type, body: "a&".repeat(1_001) };
    expect((await ask(many)).status).toBe(413);
    expect((await ask({ ...many, body: "a&".repeat(1_000) })).status).toBe(200);
    expect((await ask({ headers: type, body: "a=12345" }, { maxFieldsSize: 6 })).status).toBe(413);
  });
});

describe("is refused with one sentence", () => {
  const whole = multipart(part("; name=a", "1"));
  test.each<[string, string, string]>([
    ["no form at all", "hello", "the form ends before its final boundary, a part of it is missing"],
    ["an empty body", "", "the form ends before its final boundary, a part of it is missing"],
    [
      "no final boundary",
      whole.slice(0, -6),
      "the form ends before its final boundary, a part of it is missing",
    ],
    [
      "a boundary inside data",
      multipart(part("; name=a", "1\r\n------robynX\r\n")),
      "a line of the form begins with its boundary and goes on",
    ],
    [
      "a line break in a file name",
      multipart(part('; name=a; filename="b\r\nX: y"', "1")),
      "a part of the form has a malformed Content-Disposition",
    ],
    [
      "a line feed in a file name",
      multipart(part('; name=a; filename="b\nX: y"', "1")),
      "a part of the form has a malformed header",
    ],
    [
      "a NUL in a name",
      multipart(part('; name="a\0"', "1")),
      "a part of the form has a malformed header",
    ],
    [
      "an encoded line break in filename*",
      multipart(part("; name=a; filename*=utf-8''b%0D%0Ac", "1")),
      'a part of the form has a malformed "filename*"',
    ],
    [
      "a filename* that is no UTF-8",
      multipart(part("; name=a; filename*=utf-8''%ff", "1")),
      'a part of the form has a malformed "filename*"',
    ],
    [
      "a filename* of another charset",
      multipart(part("; name=a; filename*=iso-8859-1''a", "1")),
      'a part of the form has a malformed "filename*"',
    ],
    [
      "a name twice",
      multipart(part("; name=a; name=b", "1")),
      "a part of the form has a parameter twice",
    ],
    [
      "a header twice",
      multipart(part("; name=a", "1", "Content-Disposition: form-data; name=b")),
      "a part of the form has a header twice",
    ],
    [
      "a folded header",
      multipart(part(";\r\n name=a", "1")),
      "a part of the form has a malformed header",
    ],
    ["no name", multipart(part("; filename=a", "1")), "a part of the form has no name"],
    [
      "an attachment",
      whole.replace("form-data", "attachment"),
      "a part of the form has another Content-Disposition than form-data",
    ],
    [
      "no Content-Disposition",
      whole.replace("Content-Disposition", "X"),
      "a part of the form has no Content-Disposition",
    ],
    [
      "base64",
      multipart(part("; name=a", "MQ==", "Content-Transfer-Encoding: base64")),
      "a part of the form has a Content-Transfer-Encoding, which forms do not use",
    ],
    [
      "an unknown charset",
      multipart(part("; name=a", "1", "Content-Type: text/plain; charset=klingon")),
      "a field of the form has an unknown charset",
    ],
  ])("%s", async (_, body, detail) => {
    expect(await refused(body)).toEqual([400, detail]);
  });

  test.each<[string, FormOptions, string, string]>([
    [
      "more parts",
      { maxParts: 2 },
      multipart(part("; name=a"), part("; name=b"), part("; name=c")),
      "the form has more than 2 parts",
    ],
    [
      "larger fields",
      { maxFieldsSize: 9 },
      multipart(part("; name=a", "1234"), part("; name=a", "1234")),
      "the text fields of the form are larger than 9 bytes",
    ],
    [
      "a larger file",
      { maxFileSize: 3 },
      multipart(part("; name=a; filename=b", "1234")),
      "a file in the form is larger than 3 bytes",
    ],
    [
      "a longer name of a field",
      { maxNameLength: 3 },
      multipart(part('; name="ää"')),
      "a name in the form is longer than 3 bytes",
    ],
    [
      "a longer name of a file",
      { maxNameLength: 3 },
      multipart(part("; name=a; filename=abcd")),
      "a name in the form is longer than 3 bytes",
    ],
    [
      "longer headers of a part",
      { maxHeaderSize: 50 },
      multipart(part("; name=a", "1", "X: 12345678901")),
      "the headers of a part are longer than 50 bytes",
    ],
  ])("%s than the limit", async (_, options, body, detail) => {
    expect(await refused(body, options)).toEqual([413, detail]);
  });

  test.each<[string, string | undefined, number]>([
    ["no type", undefined, 415],
    ["JSON", "application/json", 415],
    ["a type that only begins alike", "multipart/form-data2; boundary=x", 415],
    ["no boundary", "multipart/form-data", 400],
    ["a boundary that is too long", `multipart/form-data; boundary=${"x".repeat(71)}`, 400],
  ])("%s", async (_, type, status) => {
    const headers = type === undefined ? { "content-type": "" } : { "content-type": type };
    expect((await ask({ headers, body: multipart() })).status).toBe(status);
  });

  test("10,000 parts, at the first too many", async () => {
    const body = part("; name=a; filename=b", "x").repeat(10_000);
    const start = performance.now();
    const app = quietApp({ maxPayloadSize: 10_000_000 }).post(
      "/",
      async ({ form }) => (await form()).fields,
    );
    const response = await app.request("/", { method: "POST", headers: multipartType, body });
    console.log(`      10,000 parts refused after ${(performance.now() - start).toFixed(1)} ms`);
    expect(response.status).toBe(413);
  });
});

describe("as the body of a schema", () => {
  const Profile = t.Object({
    name: t.String(),
    age: t.Integer(),
    tags: t.Array(t.String()),
    photo: t.File({ maxSize: 10, types: ["image/*"] }),
    more: t.Optional(t.Files({ maxItems: 2 })),
  });
  const app = quietApp().post(
    "/",
    { body: Profile, bodyType: "form", form: { maxParts: 7 } },
    async ({ body }) => [
      body.name,
      body.age,
      body.tags,
      await describeUpload(body.photo),
      await Promise.all((body.more ?? []).map(describeUpload)),
    ],
  );
  const send = async (...parts: string[]) =>
    await app.request("/", { method: "POST", headers: multipartType, body: multipart(...parts) });
  const image = part("; name=photo; filename=a.png", "PNG", "Content-Type: image/png");

  test("fields are coerced, files are uploads", async () => {
    const response = await send(
      part("; name=name", "Ann"),
      part("; name=age", "7"),
      part("; name=tags", "one"),
      image,
      part("; name=more; filename=b", "B"),
    );
    expect(await response.json()).toEqual([
      "Ann",
      7,
      ["one"],
      ["a.png", "image/png", 3, "PNG"],
      [["b", "application/octet-stream", 1, "B"]],
    ]);
  });

  test("faults are told by their pointers", async () => {
    const wrong = part("; name=photo; filename=a.txt", "01234567890", "Content-Type: text/plain");
    const response = await send(
      part("; name=name", "Ann"),
      part("; name=age", "7"),
      part("; name=tags", "x"),
      wrong,
    );
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer)).toEqual(["/body/photo", "/body/photo"]);
  });

  test("a text is no file", async () => {
    const response = await send(
      part("; name=name", "Ann"),
      part("; name=age", "7"),
      part("; name=tags", "x"),
      part("; name=photo", "x"),
    );
    expect(response.status).toBe(422);
  });

  test("the limits of the route hold", async () => {
    expect((await send(...Array.from({ length: 8 }, () => part("; name=tags", "x")))).status).toBe(
      413,
    );
  });
});

test.each<[string, FormOptions]>([
  ["an unknown name", { maxPart: 1 } as FormOptions],
  ["a negative number", { maxParts: -1 }],
  ["a fraction", { maxFileSize: 1.5 }],
  ["no path", { directory: "" }],
])("%s as an option of a form is refused at start", async (_, form) => {
  const app = quietApp().post("/", { form }, () => "");
  expect(app.request("/")).rejects.toThrow("ROBYN_OPTION_INVALID");
});
