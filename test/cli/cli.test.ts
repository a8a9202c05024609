/** `robyn app.ts` and the flags around it, as real processes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { version } from "../../package.json" with { type: "json" };
import { temporaryFolder } from "../support/folder.ts";
import { hasZigCore } from "../support/native.ts";
import { type Ended, processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

const define = `import { Robyn } from "robyn";
const app = new Robyn().get("/", () => "served");
`;

/** Runs a command that ends by itself. */
async function run(args: readonly string[], cwd?: string): Promise<Ended> {
  await using child = robyn(args, { cwd });
  return await child.ended();
}

describe("an app is served", () => {
  const endings: [how: string, source: string][] = [
    ["exported as default", "export default app;"],
    ["that calls start()", "app.start();"],
    ["that awaits start()", "await app.start();"],
    ["that starts and is exported too", "await app.start(); export default app;"],
    ["that starts unawaited and is exported too", "app.start(); export default app;"],
    ["that starts after a pause", "await Bun.sleep(1); await app.start();"],
  ];
  test.each(endings)("%s", async (_, ending) => {
    using folder = temporaryFolder({ "app.ts": define + ending });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    const response = await fetch(`http://127.0.0.1:${await child.port()}/`);
    expect(await response.text()).toBe("served");
    child.signal("SIGTERM");
    const { code, stdout } = await child.ended();
    expect(code).toBe(0);
    // One banner: an app that starts itself must not be started a second time.
    expect(stdout.match(/http:/g)).toHaveLength(1);
  });

  test("from another folder, and with imports of its own", async () => {
    using folder = temporaryFolder({
      "sub/app.ts": 'import { app } from "./parts/routes.ts"; export default app;',
      "sub/parts/routes.ts": `${define}export { app };`,
    });
    await using child = robyn(["sub/app.ts", "--port", "0"], { cwd: folder.path });
    const response = await fetch(`http://127.0.0.1:${await child.port()}/`);
    expect(await response.text()).toBe("served");
  });
});

describe("the banner", () => {
  test("names URL, number of routes, core and time", async () => {
    using folder = temporaryFolder({
      "app.ts": `${define}app.get("/two", () => ""); export default app;`,
    });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    const [line] = await child.prints(/.*\n/);
    const core = hasZigCore ? "zig" : "portable";
    expect(line).toMatch(
      new RegExp(`^robyn  http://127\\.0\\.0\\.1:\\d+/  2 routes · ${core} core · .*\\d+ ms\n$`),
    );
  });

  test("counts one route in the singular", async () => {
    using folder = temporaryFolder({ "app.ts": `${define}export default app;` });
    await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
    await child.prints(/ 1 route · /);
  });
});

describe("flags", () => {
  test("--host chooses the address", async () => {
    using folder = temporaryFolder({ "app.ts": `${define}export default app;` });
    const args = ["app.ts", "--port", "0", "--host", "localhost"];
    await using child = robyn(args, { cwd: folder.path });
    await child.prints(/http:\/\/localhost:\d+\//);
  });

  test("--log-level chooses what is logged", async () => {
    using folder = temporaryFolder({ "app.ts": `${define}export default app;` });
    for (const [level, isLogged] of [
      ["info", true],
      ["warn", false],
    ] as const) {
      const args = ["app.ts", "--port", "0", "--log-level", level];
      await using child = robyn(args, { cwd: folder.path });
      await child.port();
      child.signal("SIGTERM");
      expect((await child.ended()).stderr.includes("draining")).toBe(isLogged);
    }
  });

  test.each(["--version", "-v"])(
    "%s prints the versions of robyn, Bun and the core",
    async (it) => {
      const { code, stdout, stderr } = await run([it]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toStartWith(`robyn ${version}, Bun ${Bun.version}, `);
      expect(stdout).toContain(hasZigCore ? "zig core (ABI " : "portable core (");
    },
  );

  test.each(["--help", "-h"])("%s prints the help", async (it) => {
    const { code, stdout, stderr } = await run([it]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: robyn [options] [command] <app>

      Serves a robyn application.

      Arguments:
        app                     TypeScript file that exports an app as default, or
                                calls app.start()

      Options:
        -v, --version           print the versions of robyn, Bun and the core
        --host <host>           address or host name to listen on
        --port <port>           port to listen on, 0 for a free one
        --log-level <level>     least level that is logged (choices: "debug", "info",
                                "warn", "error")
        --processes <n>         worker processes behind one port
        --workers <n>           listener threads of each process
        --fast                  as many processes as there are processors
        --max-requests <n>      requests after which a worker process is replaced
        --max-rss <bytes>       memory above which a worker process is replaced: 512m
        --cache-size <bytes>    memory for kept answers of the whole cluster: 64m
        -h, --help              print this help

      Commands:
        reload [options]        Replaces the workers of a running cluster by new ones,
                                without losing a request.
        routes [options] <app>  Prints the routes of an application without serving
                                it.
        top [options] <url>     Shows live what a server does, from its metrics.
      "
    `);
  });

  const refused: [args: string[], message: RegExp][] = [
    [["--prot", "1", "app.ts"], /unknown option '--prot'[^]*--port/],
    [["app.ts", "--port", "http"], /--port.*'http' is invalid.*0 to 65535/],
    [["app.ts", "--port", "65536"], /--port.*'65536' is invalid/],
    [["app.ts", "--port", "-1"], /--port/],
    [["app.ts", "--log-level", "loud"], /'loud' is invalid.*debug, info, warn, error/],
    [["app.ts", "other.ts"], /too many arguments/],
    [["routes", "app.ts", "--jsn"], /unknown option '--jsn'[^]*--json/],
    [[], /missing required argument 'app'/],
  ];
  test.each(refused)("%j is refused", async (args, message) => {
    using folder = temporaryFolder({ "app.ts": `${define}export default app;` });
    const { code, stdout, stderr } = await run(args, folder.path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).toContain("robyn --help");
    // A mistake in the command needs a sentence, not a stack.
    expect(stderr).not.toContain("    at ");
  });
});

describe("a file", () => {
  test("that is missing, or is a folder, is named", async () => {
    using folder = temporaryFolder({ "sub/app.ts": "" });
    for (const name of ["missing.ts", "sub"]) {
      const { code, stderr } = await run([name], folder.path);
      expect(code).toBe(1);
      expect(stderr).toStartWith(`robyn: There is no file "${name}" in ${folder.path}.`);
      expect(stderr).toEndWith("[ROBYN_APP_NOT_FOUND]\n");
    }
  });

  test.each([
    ["no default export", `${define}export { app };`],
    ["another default export", "export default { fetch() {} };"],
    ["null as default export", "export default null;"],
  ])("with %s is told what is missing", async (_, source) => {
    using folder = temporaryFolder({ "app.ts": source });
    const { code, stderr } = await run(["app.ts"], folder.path);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "robyn: app.ts neither exports an app as default nor calls app.start(). " +
        "End it with: export default app [ROBYN_APP_INVALID]\n",
    );
  });

  test("that throws while it is loaded ends with its own error and stack", async () => {
    using folder = temporaryFolder({ "app.ts": 'throw new Error("broken at the top");' });
    const { code, stderr } = await run(["app.ts"], folder.path);
    expect(code).toBe(1);
    expect(stderr).toContain("broken at the top");
    expect(stderr).toContain("app.ts:1");
  });
});

test("a rejection that an app forgot to catch does not end a running server", async () => {
  using folder = temporaryFolder({
    "app.ts": `${define}app.get("/forgotten", () => {
      void Promise.reject(new Error("nobody waits")); return "sent";
    }); export default app;`,
  });
  await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
  const url = `http://127.0.0.1:${await child.port()}`;
  expect(await (await fetch(`${url}/forgotten`)).text()).toBe("sent");
  await child.prints(/nobody waits/, "stderr");
  expect(await (await fetch(url)).text()).toBe("served");
});
