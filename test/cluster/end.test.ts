/** How a cluster ends, and how a single worker of it is replaced on purpose. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { childrenOf, clusterSource, isAlive, startCluster, type Who } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

describe.skipIf(process.platform !== "linux")("SIGTERM to the primary", () => {
  test("ends event streams, lets a request in flight finish, exits 0 and leaves nobody", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      clusterSource(
        "one",
        'app.shutdownHandler(() => console.log("shutdown", app.cluster.index));',
      ),
    );
    const workers = childrenOf(cluster.child.pid);
    using stream = await RawClient.connect(cluster.port);
    stream.send(request("GET", "/events"));
    await stream.sees(/data: hello/);
    using slow = await RawClient.connect(cluster.port);
    slow.send(request("GET", "/slow"));
    await cluster.child.prints(/slow begins/);
    const signalledAt = performance.now();
    cluster.child.signal("SIGTERM");
    await stream.closes();
    expect(stream.received).toEndWith("0\r\n\r\n");
    cluster.folder.write("go", "");
    expect((await slow.next()).text).toBe("finished");
    const { code, stdout } = await cluster.child.ended();
    expect(code).toBe(0);
    // Far below the deadline of 10 s.
    expect(performance.now() - signalledAt).toBeLessThan(5_000);
    expect(stdout.match(/shutdown \d/g)?.toSorted()).toEqual(["shutdown 0", "shutdown 1"]);
    expect(workers.filter(isAlive)).toEqual([]);
  });

  test("cuts at the deadline what does not end, and still exits 0", async () => {
    const env = { ROBYN_SHUTDOWN_TIMEOUT: "1" };
    await using cluster = await startCluster(["--processes", "2"], clusterSource(), env);
    using held = await RawClient.connect(cluster.port);
    held.send(request("GET", "/held"));
    await held.sees(/x\r\n/);
    cluster.child.signal("SIGTERM");
    expect((await cluster.child.ended()).code).toBe(0);
    await held.closes();
  });

  test("a second time ends all of it at once, with 1", async () => {
    const env = { ROBYN_SHUTDOWN_TIMEOUT: "600" };
    await using cluster = await startCluster(["--processes", "2"], clusterSource(), env);
    const workers = childrenOf(cluster.child.pid);
    using held = await RawClient.connect(cluster.port);
    held.send(request("GET", "/held"));
    await held.sees(/x\r\n/);
    cluster.child.signal("SIGTERM");
    await cluster.child.prints(/draining/, "stderr");
    cluster.child.signal("SIGTERM");
    expect((await cluster.child.ended()).code).toBe(1);
    await until("the workers to end", () => !workers.some(isAlive), 1_000);
  });

  test("says with its exit code that a shutdown handler failed", async () => {
    const failing = 'app.shutdownHandler(() => { throw new Error("flush failed"); });';
    await using cluster = await startCluster(["--processes", "2"], clusterSource("one", failing));
    cluster.child.signal("SIGTERM");
    const { code, stderr } = await cluster.child.ended();
    expect(code).toBe(1);
    expect(stderr).toContain("flush failed");
  });
});

describe.skipIf(process.platform !== "linux")("a worker", () => {
  test("ignores SIGINT: in a terminal all processes get it, and the primary decides", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const before = await cluster.everybody(2);
    for (const { pid } of before) process.kill(pid, "SIGINT");
    const after = await cluster.everybody(2);
    expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    cluster.child.signal("SIGINT");
    expect((await cluster.child.ended()).code).toBe(0);
  });

  test("that gets SIGTERM alone drains, while another takes its place", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    using slow = await RawClient.connect(cluster.port);
    const { pid }: Who = JSON.parse((await slow.send(request("GET", "/who")).next()).text);
    slow.send(request("GET", "/slow"));
    await cluster.child.prints(/slow begins/);
    process.kill(pid, "SIGTERM");
    await until("a successor", async () =>
      (await cluster.everybody(2)).every((it) => it.pid !== pid),
    );
    expect(isAlive(pid)).toBe(true);
    cluster.folder.write("go", "");
    expect((await slow.next()).text).toBe("finished");
    await until("its end", () => !isAlive(pid));
    expect(cluster.child.stderr).toContain(`worker ${pid} drains, another takes its place`);
    expect(cluster.child.stderr).not.toContain(`worker ${pid} ended`);
  });

  test("is replaced after --max-requests, without a failed request", async () => {
    await using cluster = await startCluster(["--processes", "1", "--max-requests", "20"]);
    const first = await cluster.who();
    await until("a successor", async () => (await cluster.who()).pid !== first.pid, 8_000);
    await until("the end of the first", () => !isAlive(first.pid));
    expect(cluster.child.stderr).toMatch(
      new RegExp(`worker ${first.pid} is replaced: it has answered \\d+ requests`),
    );
  });

  test("is replaced above --max-rss", async () => {
    const hoard = `const hoard: Uint8Array[] = [];
      app.get("/hoard", () => { hoard.push(new Uint8Array(300 * 1_048_576).fill(1)); return "" + process.pid; });`;
    await using cluster = await startCluster(["--max-rss", "300m"], clusterSource("one", hoard));
    const pid = Number(await (await fetch(cluster.url("/hoard"))).text());
    await until("a successor", async () => (await cluster.who()).pid !== pid, 8_000);
    expect(cluster.child.stderr).toMatch(
      new RegExp(`worker ${pid} is replaced: it takes \\d+ MiB`),
    );
  });
});
