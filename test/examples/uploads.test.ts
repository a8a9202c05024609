/** Example 08, as its first comment says, over a socket. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type Folder, temporaryFolder } from "../support/folder.ts";
import { type Child, robyn } from "../support/process.ts";

let folder: Folder;
let child: Child;
let url: string;

beforeAll(async () => {
  folder = temporaryFolder();
  child = robyn(["examples/08-uploads/app.ts", "--port", "0"], { env: { UPLOADS: folder.path } });
  url = `http://127.0.0.1:${await child.port()}`;
});
afterAll(async () => {
  await child[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Stored {
  id: string;
  name: string;
  size: number;
}

function form(title: string, ...files: File[]): FormData {
  const body = new FormData();
  body.append("title", title);
  for (const file of files) body.append("photos", file);
  return body;
}

const image = (name: string, size: number) =>
  new File([new Uint8Array(size).fill(7)], name, { type: "image/png" });
const send = (body: FormData, headers: Record<string, string> = {}) =>
  fetch(`${url}/files`, { method: "POST", body, headers, redirect: "manual" });

test("files are stored under names of our own, listed, and come back as they were", async () => {
  const response = await send(
    form("<b>Sea</b>", image("../../sea.png", 3), image("sun.png", 1_000_000)),
  );
  expect(response.status).toBe(201);
  const files = (await response.json()) as Stored[];
  expect(files.map(({ name, size }) => [name, size])).toEqual([
    ["sea.png", 3],
    ["sun.png", 1_000_000],
  ]);
  expect(readdirSync(folder.path).toSorted()).toEqual(files.map(({ id }) => id).toSorted());
  const back = await fetch(`${url}/files/${files[1]!.id}`);
  expect(back.headers.get("content-type")).toBe("image/png");
  expect(Buffer.from(await back.arrayBuffer()).equals(Buffer.alloc(1_000_000, 7))).toBeTrue();
  expect(await (await fetch(`${url}/files`)).json()).toHaveLength(2);
});

test("the page has the form and the list, escaped", async () => {
  const page = await (await fetch(url)).text();
  expect(page).toContain("enctype=multipart/form-data");
  expect(page).toContain("sea.png");
  expect(page).toContain("&lt;b&gt;Sea&lt;/b&gt;");
  expect(page).not.toContain("<b>Sea");
});

test("a browser is sent back to the page", async () => {
  const response = await send(form("Sky", image("sky.png", 1)), { accept: "text/html" });
  expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
});

test.each<[string, FormData, number]>([
  ["no image", form("Text", new File(["x"], "a.txt", { type: "text/plain" })), 422],
  ["no file", form("Nothing"), 422],
  ["no title", form("", image("a.png", 1)), 422],
  ["too many files", form("Many", ...Array.from({ length: 6 }, () => image("a.png", 1))), 422],
  ["too many parts", form("Many", ...Array.from({ length: 10 }, () => image("a.png", 1))), 413],
  ["a file that is too large", form("Large", image("a.png", 20_000_001)), 413],
])("%s is refused, and leaves nothing behind", async (_, body, status) => {
  const before = readdirSync(folder.path);
  expect((await send(body)).status).toBe(status);
  expect(readdirSync(folder.path)).toEqual(before);
});

test("a file that there is not is 404", async () => {
  expect((await fetch(`${url}/files/../../etc/passwd`)).status).toBe(404);
  expect((await fetch(`${url}/files/nothing`)).status).toBe(404);
});
