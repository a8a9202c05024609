/** Rolling reloads: new code, one worker at a time, and nobody notices but by the answers. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  type Cluster,
  clusterSource,
  isAlive,
  startCluster,
  type Who,
} from "../support/cluster.ts";
import { Clients } from "../support/clients.ts";
import { temporaryFolder } from "../support/folder.ts";
import { bun, type Ended, processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

async function reload(cluster: Cluster, ...args: string[]): Promise<Ended> {
  await using child = robyn(["reload", ...args], { env: cluster.env });
  return await child.ended();
}

describe.skipIf(process.platform !== "linux")("robyn reload", () => {
  test("brings new code to every worker, one after the other", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const before = await cluster.everybody(2);
    cluster.folder.write("app.ts", clusterSource("two"));
    expect(await reload(cluster)).toMatchObject({ code: 0, stdout: "reloaded\n", stderr: "" });
    const after = await cluster.everybody(2);
    expect(after.map(({ version, generation }) => [version, generation])).toEqual([
      ["two", 1],
      ["two", 1],
    ]);
    await until("the old ones to end", () => !before.some(({ pid }) => isAlive(pid)));
  });

  test("with code that does not start leaves the old serving and says why", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const before = await cluster.everybody(2);
    cluster.folder.write(
      "app.ts",
      clusterSource("two", 'app.startupHandler(() => { throw new Error("no such column"); });'),
    );
    const { code, stderr } = await reload(cluster);
    expect(code).toBe(1);
    expect(stderr).toContain("the old one goes on serving");
    expect(stderr).toContain("no such column");
    expect(stderr).toContain("[ROBYN_RELOAD_FAILED]");
    expect(cluster.child.stderr).toContain("reload 1: the new version does not start");
    const after = await cluster.everybody(2);
    expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    cluster.folder.write("app.ts", clusterSource("three"));
    expect((await reload(cluster)).code).toBe(0);
    expect((await cluster.who()).version).toBe("three");
  });

  test("with a file that is none any more leaves the old serving, too", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    cluster.folder.write("app.ts", "this is { no TypeScript");
    expect((await reload(cluster)).code).toBe(1);
    expect((await cluster.everybody(2)).map(({ version }) => version)).toEqual(["one", "one"]);
  });

  test("waits for requests in flight, and answers new ones meanwhile", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    using slow = await RawClient.connect(cluster.port);
    slow.send(request("GET", "/slow"));
    await cluster.child.prints(/slow begins/);
    const done = reload(cluster);
    await until("new code on one place", async () => (await cluster.who()).generation === 1);
    cluster.folder.write("go", "");
    expect((await slow.next()).text).toBe("finished");
    expect((await done).code).toBe(0);
  });

  test("finds nobody where nobody is, and asks which where several are", async () => {
    await using one = await startCluster(["--processes", "2"]);
    await using other = await startCluster(["--processes", "2"], clusterSource(), one.env);
    const ambiguous = await reload(one);
    expect(ambiguous.code).toBe(1);
    expect(ambiguous.stderr).toContain("2 clusters of this user run");
    expect((await reload(one, "--port", String(other.port))).code).toBe(0);
    expect((await other.who()).generation).toBe(1);
    expect((await one.who()).generation).toBe(0);
    const nobody = await reload(one, "--port", "1");
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain("[ROBYN_PRIMARY_NOT_FOUND]");
  });

  test("refuses a folder that others may enter", async () => {
    using folder = temporaryFolder();
    const { chmodSync } = await import("node:fs");
    folder.write(`robyn-${process.getuid?.()}/0-0.sock`, "");
    chmodSync(`${folder.path}/robyn-${process.getuid?.()}`, 0o777);
    await using child = robyn(["reload"], { env: { XDG_RUNTIME_DIR: folder.path } });
    expect((await child.ended()).stderr).toContain("is not a folder of this user alone");
  });
});

describe.skipIf(process.platform !== "linux")("SIGHUP", () => {
  test("to the primary does the same", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    cluster.folder.write("app.ts", clusterSource("two"));
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 1: done/, "stderr");
    expect((await cluster.everybody(2)).map(({ version }) => version)).toEqual(["two", "two"]);
  });

  test("twice reloads twice, one after the other", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 1: replacing/, "stderr");
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 2: done/, "stderr");
    expect((await cluster.everybody(2)).map(({ generation }) => generation)).toEqual([2, 2]);
  });

  test("to a worker does nothing", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const before = await cluster.everybody(2);
    for (const { pid } of before) process.kill(pid, "SIGHUP");
    const after: Who[] = await cluster.everybody(2);
    expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  });
});

describe.skipIf(process.platform !== "linux")("under load", () => {
  test("no request of a keep-alive client fails in three reloads", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    using clients = Clients.start({ port: cluster.port, keepAlive: 8, fresh: 0, perSecond: 1_000 });
    for (let round = 0; round < 3; round++) expect((await reload(cluster)).code).toBe(0);
    const { answered, failures } = await clients.stop();
    expect(answered).toBeGreaterThan(100);
    expect(failures).toEqual([]);
  });
});

test.skipIf(process.platform !== "linux")(
  "an application that starts its own cluster is reloaded as well",
  async () => {
    const { checkoutFolder } = await import("../support/folder.ts");
    const app = (version: string) => `import { Robyn } from "robyn";
      const app = new Robyn();
      app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "${version}" }));
      await app.start({ port: 0, processes: 2 });`;
    using folder = checkoutFolder({ "app.ts": app("one") });
    const env = { XDG_RUNTIME_DIR: folder.path };
    await using child = bun(["app.ts"], { cwd: folder.path, env });
    const { whoAt } = await import("../support/cluster.ts");
    const port = await child.port();
    expect((await whoAt(port)).version).toBe("one");
    folder.write("app.ts", app("two"));
    child.signal("SIGHUP");
    await child.prints(/reload 1: done/, "stderr");
    expect((await whoAt(port)).version).toBe("two");
  },
);
