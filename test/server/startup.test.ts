/** What happens before a server listens, on real processes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { RobynError, type RunningServer } from "robyn";
import { checkoutFolder, temporaryFolder } from "../support/folder.ts";
import { bun, robyn, processTimeout_ms } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";

setDefaultTimeout(processTimeout_ms);

describe("startup handlers", () => {
  test("run in order, each to its end, before the server listens", async () => {
    const events: string[] = [];
    const app = quietApp()
      .startupHandler(async () => {
        events.push("first begins");
        await Bun.sleep(5);
        events.push("first ends");
      })
      .startupHandler(() => void events.push("second"))
      .get("/", () => events.join());
    await using server = await serveApp(app);
    events.push("listens");
    const response = await fetch(server.url("/"));
    expect(await response.text()).toBe("first begins,first ends,second,listens");
  });

  test("one that fails ends the process before it listens, with one message", async () => {
    using folder = temporaryFolder({
      "app.ts": `import { Robyn } from "robyn";
        const app = new Robyn();
        app.startupHandler(() => { throw new Error("no database"); });
        app.startupHandler(() => console.log("the second must not run"));
        export default app;`,
    });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    const { code, stdout, stderr } = await child.ended();
    expect(code).toBe(1);
    expect(stdout).toBe("");
    const lines = withoutCoreWarning(stderr);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("A startup handler failed: no database.");
    expect(lines[0]).toContain("[ROBYN_STARTUP_FAILED]");
  });

  test("one that fails rejects start() with what it threw as cause", async () => {
    const cause = new Error("no database");
    const app = quietApp().startupHandler(() => Promise.reject(cause));
    const error = await refusalOf(app.start({ port: 0 }));
    expect(error).toMatchObject({ code: "ROBYN_STARTUP_FAILED", cause });
  });
});

describe("a port in use", () => {
  const source = `import { Robyn } from "robyn";
    await new Robyn().get("/", () => "").start();`;

  test("ends `robyn app.ts` with one message that names port and fix", async () => {
    using folder = temporaryFolder({ "app.ts": source });
    await using server = await serveApp(quietApp());
    const port = String(server.port);
    await using child = robyn(["app.ts", "--port", port], { cwd: folder.path });
    const { code, stderr, stdout } = await child.ended();
    expect(code).toBe(1);
    expect(stdout).toBe("");
    const lines = withoutCoreWarning(stderr);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(`robyn: Port ${port} on 127.0.0.1 is in use`);
    expect(lines[0]).toContain("--port");
    expect(lines[0]).toContain("[ROBYN_PORT_IN_USE]");
  });

  test("ends `bun app.ts` too, with the same sentence", async () => {
    using folder = checkoutFolder({ "app.ts": source });
    await using server = await serveApp(quietApp());
    const env = { ROBYN_PORT: String(server.port) };
    await using child = bun(["app.ts"], { cwd: folder.path, env });
    const { code, stderr } = await child.ended();
    expect(code).not.toBe(0);
    expect(stderr).toContain(`Port ${server.port} on 127.0.0.1 is in use`);
    expect(stderr).toContain("[ROBYN_PORT_IN_USE]");
  });

  test.skipIf(Bun.which("ss") === null)("names the process that holds it", async () => {
    await using server = await serveApp(quietApp());
    const error = await refusalOf(quietApp().start({ port: server.port }));
    expect(error.message).toContain(`(pid ${process.pid})`);
  });

  test("ends `robyn app.ts` also where start() is not awaited", async () => {
    using folder = temporaryFolder({ "app.ts": source.replace("await ", "") });
    await using server = await serveApp(quietApp());
    await using child = robyn(["app.ts", "--port", String(server.port)], { cwd: folder.path });
    const { code, stderr } = await child.ended();
    expect(code).toBe(1);
    expect(withoutCoreWarning(stderr)).toEqual([expect.stringContaining("[ROBYN_PORT_IN_USE]")]);
  });
});

describe("a host", () => {
  test("that cannot be resolved is named", async () => {
    const error = await refusalOf(quietApp().start({ host: "no-such-host.invalid", port: 0 }));
    expect(error.code).toBe("ROBYN_HOST_INVALID");
    expect(error.message).toContain("no-such-host.invalid");
  });

  test("of another machine cannot be listened on", async () => {
    // 192.0.2.0/24 is reserved for documentation (RFC 5737): no machine has it.
    const error = await refusalOf(quietApp().start({ host: "192.0.2.1", port: 0 }));
    expect(error.code).toBeOneOf(["ROBYN_LISTEN_FAILED", "ROBYN_HOST_INVALID"]);
    expect(error.message).toContain("192.0.2.1");
  });

  test("that is bad ends the process with one message", async () => {
    using folder = temporaryFolder({
      "app.ts": 'import { Robyn } from "robyn"; export default new Robyn();',
    });
    const args = ["app.ts", "--port", "0", "--host", "no-such-host.invalid"];
    await using child = robyn(args, { cwd: folder.path });
    const { code, stderr } = await child.ended();
    expect(code).toBe(1);
    expect(withoutCoreWarning(stderr)).toEqual([expect.stringContaining("[ROBYN_HOST_INVALID]")]);
  });
});

test("start() a second time is refused and the first server goes on", async () => {
  const app = quietApp().get("/", () => "still here");
  await using server = await serveApp(app);
  const error = await refusalOf(app.start({ port: 0 }));
  expect(error.code).toBe("ROBYN_STARTED_TWICE");
  expect(await (await fetch(server.url("/"))).text()).toBe("still here");
});

test("a route conflict ends the process before it listens, naming both routes", async () => {
  using folder = temporaryFolder({
    "app.ts": `import { Robyn } from "robyn";
export default new Robyn()
  .get("/a/:one", () => "")
  .get("/a/:two", () => "");`,
  });
  await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
  const { code, stdout, stderr } = await child.ended();
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("GET /a/:two (app.ts:4)");
  expect(stderr).toContain("GET /a/:one (app.ts:3)");
  expect(stderr).toContain("[ROBYN_ROUTE_CONFLICT]");
});

/** A server that starts although it must not is stopped, so that it ends this test and not the next ones. */
async function refusalOf(start: Promise<RunningServer>): Promise<RobynError> {
  const result = await start.catch((error: unknown) => error);
  if (result instanceof RobynError) return result;
  await (result as RunningServer).stop();
  throw new Error("start() was not refused");
}

/** Without a built library the portable core says so on a line of its own; that is another test's matter. */
function withoutCoreWarning(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line !== "" && !line.includes("Zig core"));
}
