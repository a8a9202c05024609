/** A compiled binary is a cluster as well: it starts itself again, threads included. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { childrenOf, isAlive, whoAt } from "../support/cluster.ts";
import { checkoutFolder, temporaryFolder } from "../support/folder.ts";
import { bun, Child, processTimeout_ms } from "../support/process.ts";
import { countedOf, scrape } from "../support/scrape.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

test.skipIf(process.platform !== "linux")(
  "a compiled binary serves with processes and threads, keeps its arguments and ends as one",
  async () => {
    using folder = checkoutFolder({
      "app.ts": `import { Robyn } from "robyn";
        const app = new Robyn();
        app.get("/kept/:id", { cache: { ttl: 60, tags: ["kept"] } }, ({ params }) => params.id + " " + process.pid + " " + Math.random());
        app.post("/forget", () => app.cache.invalidate({ tag: "kept" }) ?? "done");
        app.get("/made", { const: true }, () => ({ made: Math.random() }));
        app.get("/limited", { rateLimit: { limit: 5, window: 3_600 } }, () => "in");
        app.metrics("/metrics");
        app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: process.argv.slice(2).join() }));
        await app.start({ port: 0 });`,
    });
    using elsewhere = temporaryFolder();
    const file = join(elsewhere.path, "server");
    await using compile = bun(["build", "--compile", "app.ts", "--outfile", file], {
      cwd: folder.path,
    });
    expect((await compile.ended()).code).toBe(0);
    const env = {
      ...{ ROBYN_PROCESSES: "2", ROBYN_WORKERS: "2" },
      XDG_RUNTIME_DIR: elsewhere.path,
    };
    await using child = new Child([file, "--colour", "red"], { cwd: elsewhere.path, env });
    const port = await child.port();
    const seen = new Set<number>();
    await until(
      "all four listeners",
      async () => {
        const { index, version } = await whoAt(port);
        expect(version).toBe("--colour,red");
        return seen.add(index).size === 4;
      },
      10_000,
    );
    const origin = `http://127.0.0.1:${port}`;
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(origin + path, { ...init, keepalive: false });
      return { status: response.status, text: await response.text() };
    };
    const twelve = (path: string) => Promise.all(Array.from({ length: 12 }, () => ask(path)));
    expect((await twelve("/limited")).filter(({ status }) => status === 200)).toHaveLength(5);
    const kept = new Set((await twelve("/kept/1")).map(({ text }) => text));
    expect(kept.size).toBe(1);
    expect((await ask("/forget", { method: "POST" })).status).toBe(200);
    const anew = new Set((await twelve("/kept/1")).map(({ text }) => text));
    expect([anew.size, anew.isDisjointFrom(kept)]).toEqual([1, true]);
    const made = new Set((await twelve("/made")).map(({ text }) => text));
    expect(made.size).toBe(1);
    const families = await scrape(origin);
    expect(countedOf(families, "/limited")).toBe(12);
    expect(countedOf(families, "/kept/:id")).toBe(24);
    const workers = childrenOf(child.pid);
    expect(workers).toHaveLength(2);
    child.signal("SIGHUP");
    await child.prints(/reload 1: done/, "stderr");
    expect((await whoAt(port)).generation).toBe(1);
    // A deploy makes const answers anew; quotas and counts go on.
    const after = new Set((await twelve("/made")).map(({ text }) => text));
    expect([after.size, after.isDisjointFrom(made)]).toEqual([1, true]);
    expect((await ask("/limited")).status).toBe(429);
    expect(countedOf(await scrape(origin), "/limited")).toBe(13);
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
  },
);
