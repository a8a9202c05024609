/** Files that change while they are served, and clients that take their time. */
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, test } from "bun:test";
import { serveFile } from "robyn";
import { recordingLogger } from "../support/log.ts";
import { temporaryFolder } from "../support/folder.ts";
import { exchange, RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

for (const [name, before, after] of [
  ["grows", "a".repeat(10), "b".repeat(20)],
  ["shrinks", "a".repeat(20), "b".repeat(10)],
  ["keeps its size", "a".repeat(10), "b".repeat(10)],
  ["grows out of memory", "a".repeat(10), "b".repeat(100_000)],
  ["shrinks into memory", "a".repeat(100_000), "b".repeat(10)],
  ["is large and grows", "a".repeat(100_000), "b".repeat(200_000)],
  ["is large and shrinks", "a".repeat(200_000), "b".repeat(100_000)],
] as const) {
  test(`a file that ${name} is seen by the next request, in a directory too`, async () => {
    using folder = temporaryFolder({ "a.txt": before });
    const app = quietApp();
    app.get("/file", () => serveFile(`${folder.path}/a.txt`));
    app.serveDirectory("/files", folder.path);
    await using server = await serveApp(app);
    for (const target of ["/file", "/files/a.txt"]) {
      for (const content of [before, after]) {
        writeFileSync(`${folder.path}/a.txt`, content);
        const whole = await exchange(server.port, request("GET", target));
        expect([whole.status, whole.headers["content-length"]]).toEqual([
          200,
          String(content.length),
        ]);
        expect(whole.text === content).toBe(true);
        const part = await exchange(server.port, request("GET", target, { Range: "bytes=5-" }));
        expect(part.headers["content-range"]).toBe(
          `bytes 5-${content.length - 1}/${content.length}`,
        );
        const tag = { "If-None-Match": whole.headers["etag"]! };
        expect((await exchange(server.port, request("GET", target, tag))).status).toBe(304);
      }
    }
  });
}

test("a file that is replaced, deleted and created again is followed, however fast", async () => {
  using folder = temporaryFolder();
  const app = quietApp();
  app.serveDirectory("/", folder.path);
  await using server = await serveApp(app);
  const path = `${folder.path}/a.txt`;
  using client = await RawClient.connect(server.port);
  const get = async () => (await client.send(request("GET", "/a.txt")).next()).text;
  for (let round = 0; round < 100; round++) {
    // Always the same size, and the clock of the file system may not have moved on.
    writeFileSync(path, `round ${round % 10}`);
    expect(await get()).toBe(`round ${round % 10}`);
    writeFileSync(`${path}.new`, `ROUND ${round % 10}`);
    renameSync(`${path}.new`, path);
    expect(await get()).toBe(`ROUND ${round % 10}`);
    if (round % 10 === 0) {
      rmSync(path);
      expect(await get()).toContain('"status":404');
    }
  }
});

/** Large enough that it does not fit into the buffers of a connection. */
const large = 32 * 1_048_576;

test("a file that is truncated while it is sent harms nobody else", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/large.bin`;
  const app = quietApp();
  app.serveDirectory("/", folder.path);
  app.get("/alive", () => "alive");
  await using server = await serveApp(app);
  for (const range of ["", "bytes=1-33554000"]) {
    writeFileSync(path, Buffer.alloc(large, "x"));
    using client = await RawClient.connect(server.port, { paused: true });
    client.send(request("GET", "/large.bin", range === "" ? {} : { Range: range }));
    await Bun.sleep(100);
    truncateSync(path, 20);
    client.resume();
    let seen = -1;
    await until("nothing more to come", async () => {
      const before = seen;
      seen = client.received.length;
      return Bun.sleep(200).then(() => before === seen);
    });
    // Less than was promised, so the client knows. It waits for the rest until the connection is idle for too long.
    expect(client.received.length).toBeLessThan(large - 1_000);
  }
  expect((await exchange(server.port, request("GET", "/alive"))).text).toBe("alive");
});

test("a file that grows while it is sent ends where it ended before", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/large.bin`;
  writeFileSync(path, Buffer.alloc(large, "x"));
  const app = quietApp();
  app.serveDirectory("/", folder.path);
  await using server = await serveApp(app);
  using client = await RawClient.connect(server.port, { paused: true });
  client.send(request("GET", "/large.bin"));
  await Bun.sleep(100);
  appendFileSync(path, Buffer.alloc(1_000, "y"));
  client.resume();
  const { headers, body } = await client.next();
  expect([headers["content-length"], body.length]).toEqual([String(large), large]);
  expect(body.includes("y")).toBe(false);
  expect((await client.send(request("GET", "/large.bin", { Range: "bytes=-1" })).next()).text).toBe(
    "y",
  );
});

test("several ranges of a file that changes are cut off, and the log tells", async () => {
  using folder = temporaryFolder();
  const path = `${folder.path}/large.bin`;
  writeFileSync(path, Buffer.alloc(large, "x"));
  const log = recordingLogger();
  const app = quietApp({ logger: log });
  app.serveDirectory("/", folder.path);
  await using server = await serveApp(app);
  using client = await RawClient.connect(server.port, { paused: true });
  client.send(request("GET", "/large.bin", { Range: `bytes=0-${large - 100},${large - 50}-` }));
  await Bun.sleep(100);
  writeFileSync(path, Buffer.alloc(large, "y"));
  client.resume();
  await client.closes();
  expect(client.received).not.toMatch(/--\r\n$/);
  await until("the log", () => /the stream failed/.test(log.errors()));
});

test("a reader that is slow and steady gets all of a file", async () => {
  using folder = temporaryFolder();
  writeFileSync(`${folder.path}/large.bin`, Buffer.alloc(large, "x"));
  const app = quietApp();
  const aborted = Promise.withResolvers<number>();
  app.beforeRequest(({ signal }) => {
    signal.addEventListener("abort", () => aborted.resolve(performance.now()));
  });
  app.serveDirectory("/", folder.path);
  // Bun's timers go in steps of four seconds: without our care this reader is cut after eight at most.
  await using server = await serveApp(app, { keepAliveTimeout: 1 });
  const start = performance.now();
  const read = slowly(server.port, "/large.bin", large, 9_000);
  const winner = await Promise.race([
    read.then((bytes) => `read ${bytes}`),
    aborted.promise.then((at) => `cut after ${Math.round(at - start)} ms`),
  ]);
  expect(winner).toBe(`read ${large}`);
}, 20_000);

/** Reads the body in equal portions, evenly over the time. */
async function slowly(
  port: number,
  target: string,
  size: number,
  time_ms: number,
): Promise<number> {
  const socket: Socket = connect({ port, host: "127.0.0.1" });
  const done = Promise.withResolvers<number>();
  let got = 0;
  const start = performance.now();
  socket.on("data", (chunk: Buffer) => {
    got += chunk.length;
    if (got >= size) return done.resolve(got - (got - size));
    const due = start + (got / size) * time_ms - performance.now();
    if (due <= 1) return;
    socket.pause();
    setTimeout(() => socket.resume(), due);
  });
  socket.on("close", () => done.resolve(got));
  socket.on("error", () => done.resolve(got));
  socket.write(request("GET", target));
  try {
    return await within(() => `${size} bytes, got ${got}`, done.promise, time_ms + 8_000);
  } finally {
    socket.destroy();
  }
}
