/** How a cluster begins: one port, many listeners, and one clear message where it cannot. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { childrenOf, clusterSource, isAlive, startCluster, whoAt } from "../support/cluster.ts";
import { checkoutFolder, temporaryFolder } from "../support/folder.ts";
import { bun, processTimeout_ms, robyn } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";

setDefaultTimeout(processTimeout_ms);

describe.skipIf(process.platform !== "linux")("a cluster", () => {
  test("of two processes shares one port that the system chose, and the primary loads no application", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      `console.log("loaded by", process.pid);\n${clusterSource()}`,
    );
    const everybody = await cluster.everybody(2);
    expect(everybody.map(({ index }) => index)).toEqual([0, 1]);
    expect(new Set(everybody.map(({ pid }) => pid)).size).toBe(2);
    expect(everybody[0]).toMatchObject({
      ...{ processes: 2, workers: 1, generation: 0 },
      ...{ isPrimary: false, isWorker: true },
    });
    expect(cluster.child.stdout).not.toContain(`loaded by ${cluster.child.pid}\n`);
    expect(cluster.child.stdout.match(/^robyn {2}http.*$/gm)).toEqual([
      expect.stringContaining("2 processes · 7 routes"),
    ]);
  });

  test("of threads has a listener on each, with an index of its own", async () => {
    await using cluster = await startCluster(["--processes", "2", "--workers", "2"]);
    const everybody = await cluster.everybody(4);
    expect(everybody.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(everybody[0]!.pid).toBe(everybody[1]!.pid);
    expect(everybody[2]!.pid).toBe(everybody[3]!.pid);
    expect(everybody[0]!.pid).not.toBe(everybody[2]!.pid);
    cluster.child.signal("SIGTERM");
    expect((await cluster.child.ended()).code).toBe(0);
  });

  test("is what start({ processes }) makes of `bun app.ts`, with the arguments of the application", async () => {
    using folder = checkoutFolder({
      "app.ts": `import { Robyn } from "robyn";
        const app = new Robyn();
        app.startupHandler(() => console.log("startup in", process.pid));
        app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: process.argv.slice(2).join() }));
        const running = await app.start({ port: 0, processes: 2 });
        console.log("start() of", app.cluster.isPrimary ? "the primary" : "a worker", running.port);`,
    });
    const env = { XDG_RUNTIME_DIR: folder.path };
    await using child = bun(["app.ts", "--colour", "red"], { cwd: folder.path, env });
    const port = await child.port();
    expect(await whoAt(port)).toMatchObject({ version: "--colour,red", isWorker: true });
    await child.prints(new RegExp(`start\\(\\) of the primary ${port}`));
    expect(child.stdout.match(/startup in \d+/g)).toHaveLength(2);
    expect(child.stdout).not.toContain(`startup in ${child.pid}\n`);
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
  });

  test("does not make workers of what a worker starts", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      clusterSource("one", 'app.get("/seat", () => process.env.ROBYN_WORKER ?? "none");'),
    );
    expect(await (await fetch(cluster.url("/seat"))).text()).toBe("none");
  });

  test("whose port is in use is refused once, also where the other would share it", async () => {
    using folder = temporaryFolder({ "app.ts": clusterSource() });
    await using first = await startCluster(["--processes", "2"]);
    await using single = await serveApp(quietApp());
    for (const port of [first.port, single.port]) {
      const args = ["app.ts", "--processes", "2", "--port", String(port)];
      await using child = robyn(args, { cwd: folder.path });
      const { code, stderr, stdout } = await child.ended();
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr.match(/\[ROBYN_PORT_IN_USE\]/g)?.length).toBeGreaterThan(0);
      expect(stderr).toContain(`Port ${port} on 127.0.0.1 is in use`);
      expect(stderr.match(/^robyn: Port/gm)).toHaveLength(1);
    }
    expect((await first.who()).version).toBe("one");
  });

  test.each([
    ["a mistake in its file", "throw new Error('no such table');", "no such table"],
    [
      "a startup handler that fails",
      `import { Robyn } from "robyn";
       export default new Robyn().startupHandler(() => { throw new Error("no database"); });`,
      "no database",
    ],
    ["no application at all", "console.log('hello');", "[ROBYN_APP_INVALID]"],
    ["an end of its own", "process.exit(0);", "ended with code 0"],
  ])("that cannot start because of %s stops within 3 s and says why", async (_, source, why) => {
    using folder = temporaryFolder({ "app.ts": source });
    const startedAt = performance.now();
    const args = ["app.ts", "--port", "0", "--processes", "4"];
    await using child = robyn(args, { cwd: folder.path });
    const { code, stderr } = await child.ended();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(code).toBe(1);
    expect(stderr).toContain(why);
    expect(stderr.match(/\[ROBYN_WORKER_FAILED\]/g)).toHaveLength(1);
  });

  test("leaves nobody behind when it is told to end while it starts", async () => {
    using folder = temporaryFolder({ "app.ts": "await Bun.sleep(60_000);" });
    await using child = robyn(["app.ts", "--processes", "2"], { cwd: folder.path });
    let workers: number[] = [];
    while (workers.length === 0) workers = childrenOf(child.pid);
    child.signal("SIGTERM");
    const { code, stderr } = await child.ended();
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining("robyn:") });
    expect(workers.filter(isAlive)).toEqual([]);
  });
});

test("one process serves without loading the cluster", async () => {
  using folder = checkoutFolder({
    "app.ts": `import { Robyn } from "robyn";
      await new Robyn().get("/", () => "").start({ port: 0, banner: false });
      const rooms = Object.keys(require.cache).filter((file) => file.includes("/src/"));
      console.log(rooms.length > 20, rooms.filter((file) => /src.(cluster|health)/.test(file)));
      process.exit(0);`,
  });
  await using child = bun(["app.ts"], { cwd: folder.path });
  expect((await child.ended()).stdout).toBe("true []\n");
});
