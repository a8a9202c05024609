/** What a handler may return, through every door. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { html, json, redirect, status } from "robyn";
import { type Doors, openDoors } from "../support/doors.ts";
import { quietApp } from "../support/serve.ts";

const presentFile = `${import.meta.dir}/to-response.test.ts`;
const text = "text/plain;charset=utf-8";
const jsonType = "application/json;charset=utf-8";
const octets = "application/octet-stream";
const problem = "application/problem+json";

/** A value, and the status, type and body that it must become. */
interface Row {
  readonly value: () => unknown;
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

const rows: Readonly<Record<string, Row>> = {
  "a string": { value: () => "ä", status: 200, type: text, body: "ä" },
  "an empty string": { value: () => "", status: 200, body: "" },
  "a string that looks like HTML": { value: () => "<b>", status: 200, type: text, body: "<b>" },
  "a number": { value: () => 7, status: 200, type: jsonType, body: "7" },
  zero: { value: () => 0, status: 200, type: jsonType, body: "0" },
  NaN: { value: () => Number.NaN, status: 200, type: jsonType, body: "null" },
  true: { value: () => true, status: 200, type: jsonType, body: "true" },
  false: { value: () => false, status: 200, type: jsonType, body: "false" },
  null: { value: () => null, status: 204, body: "" },
  nothing: { value: () => undefined, status: 204, body: "" },
  "an object": { value: () => ({ a: [1] }), status: 200, type: jsonType, body: '{"a":[1]}' },
  "an object without prototype": {
    value: () => Object.assign(Object.create(null), { a: 1 }),
    status: 200,
    type: jsonType,
    body: '{"a":1}',
  },
  "a generator": {
    value: function* () {
      yield "a";
      yield Buffer.from("b");
    },
    status: 200,
    type: text,
    body: "ab",
  },
  "a query": {
    value: () => new URLSearchParams("a=1"),
    status: 200,
    type: jsonType,
    body: '{"a":"1"}',
  },
  "an array": { value: () => [1, null], status: 200, type: jsonType, body: "[1,null]" },
  "an object with toJSON": {
    value: () => ({ toJSON: () => "own form" }),
    status: 200,
    type: jsonType,
    body: '"own form"',
  },
  "a Uint8Array": { value: () => Buffer.from("raw"), status: 200, type: octets, body: "raw" },
  "a part of a buffer": {
    value: () => new Uint8Array(Buffer.from("xrawx")).subarray(1, 4),
    status: 200,
    type: octets,
    body: "raw",
  },
  "an ArrayBuffer": { value: () => new ArrayBuffer(2), status: 200, type: octets, body: "\0\0" },
  "a DataView": {
    value: () => new DataView(new ArrayBuffer(1)),
    status: 200,
    type: octets,
    body: "\0",
  },
  "a Blob": {
    value: () => new Blob(["b {}"], { type: "text/css" }),
    status: 200,
    type: "text/css;charset=utf-8",
    body: "b {}",
  },
  "a ReadableStream": {
    value: () => new Response("streamed").body,
    status: 200,
    type: octets,
    body: "streamed",
  },
  "an async generator": {
    value: async function* () {
      yield "one ";
      yield Buffer.from("two");
    },
    status: 200,
    type: "text/plain;charset=utf-8",
    body: "one two",
  },
  "an async generator without values": {
    value: async function* () {},
    status: 200,
    type: "text/plain;charset=utf-8",
    body: "",
  },
  "a file that is missing": {
    value: () => Bun.file(`${import.meta.dir}/missing.txt`),
    status: 404,
    type: problem,
    body: '{"type":"about:blank","title":"Not Found","status":404}',
  },
  "a Response": {
    value: () => new Response("own", { status: 418, headers: { "x-own": "1" } }),
    status: 418,
    type: text,
    body: "own",
  },
  "a promise": { value: async () => ({ a: 1 }), status: 200, type: jsonType, body: '{"a":1}' },
  "a thenable": {
    value: () => ({ then: (resolve: (value: string) => void) => resolve("settled") }),
    status: 200,
    type: text,
    body: "settled",
  },
  "status with a value": {
    value: () => status(201, { id: 1 }),
    status: 201,
    type: jsonType,
    body: '{"id":1}',
  },
  "status with a string": { value: () => status(404, "no"), status: 404, type: text, body: "no" },
  "status alone": { value: () => status(202), status: 202, body: "" },
  "status 204 with a value": { value: () => status(204, { a: 1 }), status: 204, body: "" },
  html: {
    value: () => html("<b>"),
    status: 200,
    type: "text/html; charset=utf-8",
    body: "<b>",
  },
  "json with a status": {
    value: () => json([1], { status: 202 }),
    status: 202,
    type: jsonType,
    body: "[1]",
  },
  redirect: { value: () => redirect("/there"), status: 307, body: "" },
};

const names = Object.keys(rows);
let doors: Doors;

beforeAll(async () => {
  doors = await openDoors((app) => {
    for (const [index, { value }] of Object.values(rows).entries()) app.get(`/${index}`, value);
    app.get("/file", () => Bun.file(presentFile));
  });
});
afterAll(() => doors[Symbol.asyncDispose]());

describe("a handler may return", () => {
  test.each(names)("%s", async (name) => {
    const row = rows[name]!;
    const answer = await doors.ask(`/${names.indexOf(name)}`);
    expect({ status: answer.status, body: answer.text }).toEqual({
      status: row.status,
      body: row.body,
    });
    const overSocket = await socketDoor().ask({ target: `/${names.indexOf(name)}` });
    expect(overSocket.headers["content-type"]).toBe(row.type);
  });

  test("a file that is there", async () => {
    const answer = await doors.ask("/file");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/javascript|typescript/);
    expect(answer.text).toBe(await Bun.file(presentFile).text());
  });
});

describe("HEAD has the status and headers of GET and no body", () => {
  test.each(names)("%s", async (name) => {
    const target = `/${names.indexOf(name)}`;
    const get = await doors.ask(target);
    const head = await doors.ask({ method: "HEAD", target });
    expect({ ...head.headers, ...framing }).toEqual({ ...get.headers, ...framing });
    expect({ status: head.status, text: head.text }).toEqual({ status: get.status, text: "" });
  });

  test("over a socket the type of a short text is that of GET", async () => {
    const target = `/${names.indexOf("a string")}`;
    for (const method of ["GET", "HEAD"]) {
      const { headers } = await socketDoor().ask({ method, target });
      expect([method, headers["content-type"]]).toEqual([method, text]);
    }
  });

  test("over a socket Content-Length is that of GET", async () => {
    const target = `/${names.indexOf("an object")}`;
    const { headers } = await socketDoor().ask({ method: "HEAD", target });
    expect(headers["content-length"]).toBe(String('{"a":[1]}'.length));
  });
});

test("a string has its type in process too, where tests look for it", async () => {
  const response = await quietApp()
    .get("/", () => "text")
    .request("/");
  expect(response.headers.get("content-type")).toBe(text);
});

function socketDoor() {
  return doors.all.find(({ name }) => name === "socket")!;
}

/** Set by the connection or by the second at which an answer was sent. */
const framing = { date: "", "content-length": "", "transfer-encoding": "" };
