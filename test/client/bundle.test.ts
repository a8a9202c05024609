/** The client as pages get it: one small file without anything of the server, which a real browser runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { sse, t } from "robyn";
import { chromium, Page } from "../support/chromium.ts";
import { processTimeout_ms } from "../support/process.ts";
import { projectRoot } from "../support/native.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

if (chromium === null)
  console.warn('the client is not run in a browser: there is no "chromium" in PATH');

async function bundle(): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(projectRoot, "src", "client", "index.ts")],
    target: "browser",
    minify: true,
  });
  expect(outputs).toHaveLength(1);
  return await outputs[0]!.text();
}

test("is one file of a few KB that names nothing that browsers do not have", async () => {
  const code = await bundle();
  expect(code.length).toBeLessThan(20_000);
  expect(Bun.gzipSync(code).length).toBeLessThan(7_500);
  expect(code).not.toMatch(/node:|bun:|\bBun\b|\bprocess\b|\bBuffer\b|\brequire\b|\bimport\b/);
});

test("passes the type checker of a page, which knows neither Bun nor the server", async () => {
  const folder = mkdtempSync(join(projectRoot, "node_modules", ".robyn-client-"));
  try {
    const client = join(projectRoot, "src", "client", "index.ts");
    await Bun.write(
      join(folder, "page.ts"),
      `import { createClient } from "${client}";
      type App = { readonly "~sockets"?: { readonly "/a/:b": { params: { b: string }; query: undefined; sent: { x: number }; received: { at: Date }; raw: false } } };
      const socket = createClient<App>().connect("/a/:b", { params: { b: "c" } });
      socket.send({ x: 1 });
      socket.on("message", ({ at }) => at.toUpperCase());`,
    );
    await Bun.write(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(projectRoot, "tsconfig.json"),
        compilerOptions: { lib: ["ESNext", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types: [] },
        include: ["page.ts"],
        exclude: [],
      }),
    );
    const check = Bun.spawn([process.execPath, "check", "--no-script", "-p", folder], {
      cwd: projectRoot,
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = (await check.stdout.text()) + (await check.stderr.text());
    expect({ code: await check.exited, output }).toEqual({ code: 0, output: expect.any(String) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Sends three numbers, loses its connection after the first answer, and follows a stream that ends after each event. */
const page = `<!doctype html><title>client</title><script type="module">
import { createClient } from "/client.js";
const log = [];
const tell = () => fetch("/log", { method: "POST", body: JSON.stringify(log) });
addEventListener("unhandledrejection", ({ reason }) => tell(log.push(String(reason))));
const client = createClient();
const reconnect = { first: 0.01, most: 0.05 };
const socket = client.connect("/double/:by", { params: { by: "é/2" }, reconnect, resume: () => [0] });
socket.on("close", ({ code }) => { log.push("close " + code); socket.send(3); });
socket.send(1);
socket.send(2);
for await (const number of socket) {
  log.push(number);
  if (number === 6) break;
}
const stream = client.events("/news", { reconnect, lastEventId: "ä0", headers: { "x-page": "yes" } });
for await (const { id, data } of stream) {
  log.push(id + " " + data);
  if (id === "ä2") break;
}
socket.close(4000, "done");
await tell();
</script>`;

test.skipIf(chromium === null)("runs in a headless Chromium", async () => {
  const code = await bundle();
  let connections = 0;
  let ended: [code: number, reason: string] | undefined;
  const log = Promise.withResolvers<unknown>();
  const app = quietApp()
    .post("/log", async ({ json }) => {
      log.resolve(await json());
      return null;
    })
    .get("/", () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }))
    .get("/client.js", () => new Response(code, { headers: { "content-type": "text/javascript" } }))
    .get("/news", ({ request }) =>
      sse(async function* ({ lastEventId }) {
        const id = Number(lastEventId?.slice(1)) + 1;
        yield { id: `ä${id}`, data: request.headers.get("x-page") };
      }),
    )
    .websocket("/double/:by", {
      schema: t.Integer(),
      response: t.Union([t.Integer(), t.String()]),
      open: (socket) => {
        connections++;
        socket.send(socket.params.by);
      },
      message: (socket, number) => {
        socket.send(number * 2);
        if (number === 2) socket.close(1012);
      },
      close: (_, closeCode, reason) => void (ended = [closeCode, reason]),
    });
  await using served = await serveApp(app);
  await using _page = await Page.open(served.url("/"));
  expect(await within("the log of the page", log.promise, processTimeout_ms)).toEqual([
    ...["é/2", 0, 2, 4],
    "close 1012",
    ...["é/2", 0, 6],
    ...["ä1 yes", "ä2 yes"],
    "close 4000",
  ]);
  expect(connections).toBe(2);
  await until("the close", () => ended?.[0] === 4000);
  expect(ended).toEqual([4000, "done"]);
});
