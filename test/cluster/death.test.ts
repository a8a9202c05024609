/** What happens to a cluster when processes die: on real ones, by real signals. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { childrenOf, clusterSource, isAlive, startCluster, type Who } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";
import { hasZigCore } from "../support/native.ts";

setDefaultTimeout(processTimeout_ms);

describe.skipIf(process.platform !== "linux")("a worker that dies", () => {
  test("is replaced at once, on the same place, while the other serves", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const [first, second] = (await cluster.everybody(2)) as [Who, Who];
    const killedAt = performance.now();
    process.kill(first.pid, "SIGKILL");
    await until("the successor", async () => {
      const it = await cluster.who().catch(() => undefined);
      return it !== undefined && it.index === 0 && it.pid !== first.pid;
    });
    const took = performance.now() - killedAt;
    console.log(`respawn to first answer: ${Math.round(took)} ms`);
    // The target is 200 ms on an idle machine; here other tests run beside.
    expect(took).toBeLessThan(1_500);
    expect((await cluster.everybody(2))[1]!.pid).toBe(second.pid);
    await cluster.child.prints(/was ended by SIGKILL/, "stderr");
  });

  test("again and again is replaced more slowly, and the other serves on", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      `${clusterSource()}
       if (app.cluster.index === 1) setTimeout(() => process.exit(3), 50);`,
    );
    await cluster.child.prints(/the next starts in 500 ms/, "stderr");
    const deaths = cluster.child.stderr.match(/ended with code 3[^"]*/g)!;
    expect(deaths.slice(0, 5)).toEqual(new Array(5).fill("ended with code 3"));
    expect(deaths[5]).toBe("ended with code 3, the next starts in 250 ms");
    expect((await fetch(cluster.url("/readyz"))).status).toBe(200);
  });

  test("all at once come back, although the port was nobody's for a moment", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const before = await cluster.everybody(2);
    for (const { pid } of before) process.kill(pid, "SIGKILL");
    await until("an answer", () => cluster.who().catch(() => undefined));
    const after = await cluster.everybody(2);
    expect(after.some(({ pid }) => before.some((it) => it.pid === pid))).toBe(false);
  });

  test.each([
    ["because its event loop hangs", ["--processes", "2"], 0],
    ["because one of its threads hangs", ["--processes", "2", "--workers", "2"], 1],
  ])("%s: killed and replaced within 6 s, while the other serves", async (_, args, index) => {
    await using cluster = await startCluster(args);
    const { client, victim } = await hang(cluster.port, index);
    using _client = client;
    const hungAt = performance.now();
    let served = 0;
    await until(
      "the successor",
      async () => {
        // A connection that the kernel gives to the hung listener waits there: it is not asked again.
        const signal = AbortSignal.timeout(300);
        const answer = await fetch(cluster.url("/who"), { keepalive: false, signal })
          .then((response) => response.json() as Promise<Who>)
          .catch(() => undefined);
        if (answer !== undefined && answer.pid !== victim && answer.index !== index) served++;
        return answer?.index === index && answer.pid !== victim;
      },
      10_000,
    );
    const took = performance.now() - hungAt;
    console.log(`hung to replaced: ${Math.round(took)} ms`);
    expect(took).toBeLessThan(6_000);
    expect(served).toBeGreaterThan(5);
    expect(cluster.child.stderr).toContain(`worker ${victim} did not answer for`);
  });

  test("is told apart from one that is busy for a moment", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      clusterSource(
        "one",
        `app.get("/busy", () => { const end = Date.now() + 2_500; while (Date.now() < end); return process.pid; });`,
      ),
    );
    const pid = Number(await (await fetch(cluster.url("/busy"))).text());
    expect(isAlive(pid)).toBe(true);
    expect(cluster.child.stderr).not.toContain("did not answer");
  });
});

describe.skipIf(process.platform !== "linux")("a primary that is killed", () => {
  test("leaves no orphan after 1 s", async () => {
    await using cluster = await startCluster(["--processes", "2", "--workers", "2"]);
    const workers = childrenOf(cluster.child.pid);
    expect(workers).toHaveLength(2);
    cluster.child.signal("SIGKILL");
    await until("the workers to end", () => !workers.some(isAlive), 1_000);
  });

  // Without the library only the closed channel tells a worker, and one that hangs does not hear it.
  test.skipIf(!hasZigCore)("leaves none that hangs either", async () => {
    await using cluster = await startCluster(["--processes", "2"]);
    const { client } = await hang(cluster.port, 1);
    using _ = client;
    const workers = childrenOf(cluster.child.pid);
    cluster.child.signal("SIGKILL");
    await until("the workers to end", () => !workers.some(isAlive), 1_000);
  });
});

/** Sends listener `index` into an endless loop. @returns its process, and the connection that waits for it */
async function hang(port: number, index: number) {
  for (;;) {
    const client = await RawClient.connect(port);
    // The same connection tells first whose it is.
    const who: Who = JSON.parse((await client.send(request("GET", "/who")).next()).text);
    if (who.index === index)
      return { client: client.send(request("GET", "/hang")), victim: who.pid };
    client.vanish();
  }
}
