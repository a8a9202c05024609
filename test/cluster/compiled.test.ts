/** A compiled binary is a cluster as well: it starts itself again, threads included. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { childrenOf, isAlive, whoAt } from "../support/cluster.ts";
import { checkoutFolder, temporaryFolder } from "../support/folder.ts";
import { bun, Child, processTimeout_ms } from "../support/process.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

test.skipIf(process.platform !== "linux")(
  "a compiled binary serves with processes and threads, keeps its arguments and ends as one",
  async () => {
    using folder = checkoutFolder({
      "app.ts": `import { Robyn } from "robyn";
        const app = new Robyn();
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
    const workers = childrenOf(child.pid);
    expect(workers).toHaveLength(2);
    child.signal("SIGHUP");
    await child.prints(/reload 1: done/, "stderr");
    expect((await whoAt(port)).generation).toBe(1);
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
  },
);
