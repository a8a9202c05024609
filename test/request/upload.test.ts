/** Files that are too large for memory: on disk for the length of their request, and gone with it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FormOptions, Upload } from "robyn";
import { type Folder, temporaryFolder } from "../support/folder.ts";
import { recordingLogger } from "../support/log.ts";
import { multipart, multipartType, part } from "../support/multipart.ts";
import { exchange, RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp, type Served } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const small = 1_000;
const large = "0123456789abcdef".repeat(40_000);
const file = (name: string, content: string) =>
  part(`; name=${name}; filename=${name}.bin`, content);

let spool: Folder;
let server: Served;
const log = recordingLogger();
const options = (): FormOptions => ({ directory: spool.path, maxMemory: small });
const spooled = () => readdirSync(spool.path);
const { promise: never } = Promise.withResolvers<string>();

/** The directories of the moment, each with its mode and its files with theirs. */
function look(): unknown[] {
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  return spooled().map((name) => {
    const path = join(spool.path, name);
    return [mode(path), ...readdirSync(path).map((it) => mode(join(path, it)))];
  });
}

beforeAll(async () => {
  spool = temporaryFolder();
  const app = quietApp({ logger: log, maxPayloadSize: 100_000_000 });
  app.post("/look", async ({ form }) => {
    const { files } = await form(options());
    return [look(), Object.values(files).map((uploads) => uploads.map(({ size }) => size))];
  });
  app.post("/text", async ({ form }) => {
    const { files } = await form(options());
    const { a = [] } = files;
    return (await Promise.all(a.map((upload) => upload.text()))).join("|");
  });
  app.post("/stream", async ({ form }) => (await form(options())).files.a![0]!.stream());
  app.post("/unread-stream", async ({ form }) => {
    (await form(options())).files.a![0]!.stream();
    return "unread";
  });
  app.post("/save", async ({ form, query }) => {
    const { a = [] } = (await form(options())).files;
    for (const [index, upload] of a.entries()) await upload.saveTo(`${query.to}${index}`);
    return await a[0]!.text();
  });
  app.post("/throws", async ({ form }) => {
    await form(options());
    throw new Error("after the form");
  });
  app.post("/stuck", async ({ form }) => {
    await form(options());
    return await never;
  });
  app.post("/late", { timeout: 0.1 }, async ({ form }) => {
    await form(options());
    return await never;
  });
  app.post(
    "/after",
    { afterRequest: (response) => void response.headers.set("x-dirs", String(spooled().length)) },
    async ({ form }) => {
      await form(options());
      return "ok";
    },
  );
  server = await serveApp(app);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  spool[Symbol.dispose]();
});

const post = (path: string, body: string) =>
  exchange(server.port, request("POST", path, multipartType, body), "POST");
const gone = () =>
  until(
    () => `${spooled()} to be removed`,
    () => spooled().length === 0,
  );

test("small files stay in memory, larger ones go to a private directory", async () => {
  const fits = await post("/look", multipart(file("a", "x".repeat(small))));
  expect(JSON.parse(fits.text)).toEqual([[], [[small]]]);
  const spills = await post(
    "/look",
    multipart(file("a", "x".repeat(small + 1)), file("b", large), file("c", "x")),
  );
  expect(JSON.parse(spills.text)).toEqual([
    [["700", "600", "600"]],
    [[small + 1], [large.length], [1]],
  ]);
  await gone();
});

test("many small files go to disk, too, once they are large together", async () => {
  const { text } = await post(
    "/look",
    multipart(...Array.from({ length: 6 }, () => file("a", "x".repeat(small)))),
  );
  expect(JSON.parse(text)).toEqual([[["700", "600", "600"]], [Array(6).fill(small)]]);
  await gone();
});

test("what comes back is what was sent", async () => {
  const { text } = await post(
    "/text",
    multipart(file("a", large), file("a", "x"), file("a", `${large}y`)),
  );
  expect(text === `${large}|x|${large}y`).toBeTrue();
  await gone();
});

test("an answer may stream an upload, and so be sent after the directory was let go", async () => {
  for (let round = 0; round < 5; round++) {
    const { text } = await post("/stream", multipart(file("a", large)));
    expect(text === large).toBeTrue();
  }
  await gone();
});

test("a stream that nobody reads is forgotten with its request", async () => {
  expect((await post("/unread-stream", multipart(file("a", large)))).text).toBe("unread");
  await until("the directory to be collected", () => {
    Bun.gc(true);
    return spooled().length === 0;
  });
});

test("saveTo writes memory and disk alike, whole, replacing what is there", async () => {
  using target = temporaryFolder();
  const to = join(target.path, "saved-");
  writeFileSync(`${to}1`, "old");
  const { status, text } = await post(
    `/save?to=${encodeURIComponent(to)}`,
    multipart(file("a", "tiny"), file("a", large)),
  );
  expect([status, text]).toEqual([200, "tiny"]);
  expect(readFileSync(`${to}0`, "utf8")).toBe("tiny");
  expect(readFileSync(`${to}1`, "utf8") === large).toBeTrue();
  // The mode of any new file of this process, not that of the private one; and no half file beside it.
  expect(statSync(`${to}1`).mode).toBe(statSync(`${to}0`).mode);
  expect(readdirSync(target.path).toSorted()).toEqual(["saved-0", "saved-1"]);
  await gone();
});

test("saveTo into a directory that does not exist fails and leaves nothing", async () => {
  using target = temporaryFolder();
  const to = join(target.path, "missing", "file-");
  expect(
    (await post(`/save?to=${encodeURIComponent(to)}`, multipart(file("a", large)))).status,
  ).toBe(500);
  expect(existsSync(join(target.path, "missing"))).toBeFalse();
  await gone();
});

test.each([
  ["the handler throws", "/throws", multipart(file("a", large)), 500],
  ["the handler takes too long", "/late", multipart(file("a", large)), 503],
  ["the form has no end", "/look", multipart(file("a", large)).slice(0, -4), 400],
  [
    "a later part is malformed",
    "/look",
    multipart(file("a", large), part("; name=a; name=b", "x")),
    400,
  ],
  [
    "a limit is passed",
    "/look",
    multipart(file("a", large), part("; name=b", "x".repeat(2_000_000))),
    413,
  ],
])("nothing is left where %s", async (_, path, body, status) => {
  expect((await post(path, body)).status).toBe(status);
  await gone();
});

test("after hooks still find the files", async () => {
  const { headers } = await post("/after", multipart(file("a", large)));
  expect(headers["x-dirs"]).toBe("1");
  await gone();
});

test("nothing is left where the client leaves in the middle of a file", async () => {
  using client = await RawClient.connect(server.port);
  const body = multipart(file("a", large));
  client.send(
    request("POST", "/look", { ...multipartType, "Content-Length": String(body.length) }) +
      body.slice(0, 300_000),
  );
  await until("the file to be spooled", () => spooled().length > 0);
  client.vanish();
  await gone();
});

test("nothing is left where the client leaves and the handler never ends", async () => {
  using client = await RawClient.connect(server.port);
  client.send(request("POST", "/stuck", multipartType, multipart(file("a", large))));
  await until("the file to be spooled", () => spooled().length > 0);
  client.vanish();
  await gone();
});

test("a directory that cannot be written to is a 500 that tells the log", async () => {
  const app = quietApp({ logger: log }).post("/", async ({ form }) =>
    Object.keys((await form({ directory: "/nonexistent-directory", maxMemory: 0 })).files),
  );
  const body = multipart(file("a", "x"));
  const response = await app.request("/", { method: "POST", headers: multipartType, body });
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("nonexistent");
  expect(log.errors()).toContain("/nonexistent-directory");
});

test("in process, the same directories go", async () => {
  const app = quietApp().post("/", async ({ form }) => {
    const { a } = (await form(options())).files as { a: Upload[] };
    return [spooled().length, a[0]!.size];
  });
  const body = multipart(file("a", large.slice(0, 500_000)));
  const response = await app.request("/", { method: "POST", headers: multipartType, body });
  expect(await response.json()).toEqual([1, 500_000]);
  await gone();
});
