/** The end of a server, on real processes: signals and exit codes belong to a whole one. */
import { describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { type Folder, temporaryFolder } from "../support/folder.ts";
import { type Child, robyn, processTimeout_ms } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

/** `/slow` answers once the file `go` exists, so a test decides when; `/endless` never ends. */
const source = `import { existsSync } from "node:fs";
import { Robyn } from "robyn";
const app = new Robyn();
app.shutdownHandler(() => console.log("first handler"));
app.shutdownHandler(async () => { await Bun.sleep(1); console.log("second handler"); });
app.get("/", () => "ready");
app.get("/slow", async () => {
  console.log("slow begins");
  while (!existsSync("go")) await Bun.sleep(5);
  return "finished";
});
app.get("/endless", async function* () {
  for (;;) { yield "x"; await Bun.sleep(5); }
});
export default app;`;

interface Running {
  readonly child: Child;
  readonly port: number;
}

async function start(folder: Folder, env: Record<string, string> = {}): Promise<Running> {
  const child = robyn(["app.ts", "--port", "0"], { cwd: folder.path, env });
  return { child, port: await child.port() };
}

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("lets a request in flight finish, refuses new connections, then exits 0", async () => {
    using folder = temporaryFolder({ "app.ts": source });
    const { child, port } = await start(folder);
    await using _ = child;
    using client = await RawClient.connect(port);
    client.send(request("GET", "/slow"));
    await child.prints(/slow begins/);

    child.signal(signal);
    await child.prints(/draining, 1 requests in flight/, "stderr");
    await until("new connections to be refused", () => isRefused(port));
    folder.write("go", "");

    expect((await client.next()).text).toBe("finished");
    const { code, stdout } = await child.ended();
    expect(code).toBe(0);
    expect(stdout).toEndWith("second handler\nfirst handler\n");
  });

  test("ends an idle server at once, also with an idle connection open", async () => {
    using folder = temporaryFolder({ "app.ts": source });
    const { child, port } = await start(folder);
    await using _ = child;
    using client = await RawClient.connect(port);
    expect((await client.send(request("GET", "/")).next()).text).toBe("ready");
    const sentAt = performance.now();
    child.signal(signal);
    expect((await child.ended()).code).toBe(0);
    // Far below the deadline of 10 s that an open request would be given.
    expect(performance.now() - sentAt).toBeLessThan(5_000);
  });
});

test("an endless stream is cut at the deadline, shutdown handlers run, exit 0", async () => {
  using folder = temporaryFolder({ "app.ts": source });
  const { child, port } = await start(folder, { ROBYN_SHUTDOWN_TIMEOUT: "1" });
  await using _ = child;
  using client = await RawClient.connect(port);
  client.send(request("GET", "/endless"));
  await client.sees(/x\r\n/);
  child.signal("SIGTERM");
  await client.closes();
  const { code, stdout, stderr } = await child.ended();
  expect(code).toBe(0);
  expect(stderr).toContain("1 requests did not finish within 1 s and are cut");
  expect(stdout).toContain("first handler");
});

test("a second signal ends the process without waiting for the deadline", async () => {
  using folder = temporaryFolder({ "app.ts": source });
  const { child, port } = await start(folder, { ROBYN_SHUTDOWN_TIMEOUT: "600" });
  await using _ = child;
  using client = await RawClient.connect(port);
  client.send(request("GET", "/endless"));
  await client.sees(/x\r\n/);
  child.signal("SIGTERM");
  await child.prints(/draining/, "stderr");
  child.signal("SIGTERM");
  const { code, stdout } = await child.ended();
  expect(code).toBe(1);
  expect(stdout).not.toContain("first handler");
});

test("a shutdown handler that fails is logged, the others run, the exit code is 1", async () => {
  using folder = temporaryFolder({
    "app.ts": `import { Robyn } from "robyn";
      export default new Robyn()
        .shutdownHandler(() => console.log("still runs"))
        .shutdownHandler(() => { throw new Error("flush failed"); });`,
  });
  const { child } = await start(folder);
  await using _ = child;
  child.signal("SIGTERM");
  const { code, stdout, stderr } = await child.ended();
  expect(code).toBe(1);
  expect(stdout).toContain("still runs");
  expect(stderr).toContain("flush failed");
});

describe("stop()", () => {
  test("runs the shutdown handlers once, in reverse, and frees the port", async () => {
    const events: string[] = [];
    const app = quietApp()
      .get("/", () => "")
      .shutdownHandler(() => void events.push("first"))
      .shutdownHandler(() => void events.push("second"));
    const { running, port } = await serveApp(app);
    await Promise.all([running.stop(), running.stop()]);
    await running.stop();
    expect(events).toEqual(["second", "first"]);
    expect(await isRefused(port)).toBe(true);
  });

  test("cuts what is still open at the deadline, before the shutdown handlers run", async () => {
    let isClosed = false;
    let wasClosed: boolean | undefined;
    const app = quietApp()
      .get("/endless", async function* () {
        try {
          for (;;) {
            yield "x";
            await Bun.sleep(1);
          }
        } finally {
          isClosed = true;
        }
      })
      .shutdownHandler(async () => {
        await until("the stream to end", () => isClosed, 2_000).catch(() => {});
        wasClosed = isClosed;
      });
    const { running, port } = await serveApp(app, { shutdownTimeout: 0 });
    using client = await RawClient.connect(port);
    client.send(request("GET", "/endless"));
    await client.sees(/x\r\n/);
    await running.stop();
    expect(wasClosed).toBe(true);
    await client.closes();
  });

  test("leaves no signal listener behind", async () => {
    const before = process.listenerCount("SIGTERM") + process.listenerCount("SIGINT");
    const { running } = await serveApp(quietApp(), { signals: true });
    expect(process.listenerCount("SIGTERM") + process.listenerCount("SIGINT")).toBe(before + 2);
    await running.stop();
    expect(process.listenerCount("SIGTERM") + process.listenerCount("SIGINT")).toBe(before);
  });

  test("the banner comes after the signal listeners: whoever reads it may send a signal", async () => {
    const before = process.listenerCount("SIGTERM");
    let atBanner = -1;
    const print = spyOn(console, "log").mockImplementation(() => {
      atBanner = process.listenerCount("SIGTERM");
    });
    const { running } = await serveApp(quietApp(), { signals: true, banner: true });
    print.mockRestore();
    await running.stop();
    expect(atBanner).toBe(before + 1);
  });

  test("with signals: false takes no signal", async () => {
    const before = process.listenerCount("SIGTERM");
    await using _ = await serveApp(quietApp());
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});

async function isRefused(port: number): Promise<boolean> {
  try {
    using client = await RawClient.connect(port);
    // A listener that is closing may still have taken the connection from the kernel's queue; it never answers.
    client.send(request("GET", "/"));
    await client.next();
    return false;
  } catch {
    return true;
  }
}
