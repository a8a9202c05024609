/** Clusters of real processes, for the length of a test. */
import { type Folder, temporaryFolder } from "./folder.ts";
import { type Child, robyn } from "./process.ts";
import { until } from "./wait.ts";

/** Who answered. */
export interface Who {
  readonly pid: number;
  readonly index: number;
  readonly generation: number;
  readonly version: string;
}

/**
 * `/who` tells who answers, `/slow` answers once the file `go` exists, `/hang` blocks the event loop for ever, `/events` is an
 * open stream, `/held` one that no drain ends. `version` is what a reload changes.
 */
export function clusterSource(version = "one", more = ""): string {
  return `import { existsSync } from "node:fs";
import { Robyn, sse } from "robyn";
const app = new Robyn();
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: ${JSON.stringify(version)} }));
app.get("/slow", { timeout: 0 }, async () => {
  console.log("slow begins");
  while (!existsSync("go")) await Bun.sleep(5);
  return "finished";
});
app.get("/hang", () => { for (;;); });
app.get("/events", () => sse(async function* ({ signal }) {
  yield "hello";
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}));
app.get("/held", async function* () { for (;;) { yield "x"; await Bun.sleep(5); } });
app.health();
${more}
export default app;`;
}

export interface Cluster extends AsyncDisposable {
  readonly child: Child;
  readonly folder: Folder;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  url(path: string): string;
  who(): Promise<Who>;
  /** Answers of new connections, until `count` different listeners have answered. */
  everybody(count: number): Promise<Who[]>;
}

export async function startCluster(
  args: readonly string[],
  source = clusterSource(),
  environment: Readonly<Record<string, string>> = {},
): Promise<Cluster> {
  const folder = temporaryFolder({ "app.ts": source });
  const env = { XDG_RUNTIME_DIR: folder.path, ...environment };
  const child = robyn(["app.ts", "--port", "0", ...args], { cwd: folder.path, env });
  const end = async () => {
    const workers = childrenOf(child.pid);
    await child[Symbol.asyncDispose]();
    try {
      await until("the workers to end with the primary", () => !workers.some(isAlive), 5_000);
    } finally {
      // One that hangs on the portable core would stay for ever, and take a processor.
      for (const pid of workers.filter(isAlive)) process.kill(pid, "SIGKILL");
      folder[Symbol.dispose]();
    }
  };
  try {
    return clusterOf(child, folder, env, await child.port(), end);
  } catch (error) {
    await end();
    throw error;
  }
}

function clusterOf(
  child: Child,
  folder: Folder,
  env: Readonly<Record<string, string>>,
  port: number,
  end: () => Promise<void>,
): Cluster {
  const url = (path: string) => `http://127.0.0.1:${port}${path}`;
  const who = () => whoAt(port);
  return {
    child,
    folder,
    port,
    env,
    url,
    who,
    async everybody(count) {
      const seen = new Map<number, Who>();
      await until(
        () => `${count} listeners to answer, only ${seen.size} did`,
        async () => {
          const it = await who();
          seen.set(it.index, it);
          return seen.size >= count;
        },
        10_000,
      );
      return [...seen.values()].toSorted((one, other) => one.index - other.index);
    },
    [Symbol.asyncDispose]: end,
  };
}

/** On a connection of its own: which listener gets it is decided by the kernel per connection. */
export async function whoAt(port: number): Promise<Who> {
  const headers = { connection: "close" };
  const response = await fetch(`http://127.0.0.1:${port}/who`, { headers, keepalive: false });
  return (await response.json()) as Who;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isZombie(pid);
}

/** Dead, and not collected yet: where an orphan's new parent is slow, or never looks. */
function isZombie(pid: number): boolean {
  const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)], { stderr: "ignore" });
  return stdout.toString().startsWith("Z");
}

export function childrenOf(pid: number): number[] {
  const { stdout } = Bun.spawnSync(["ps", "-o", "pid=", "--ppid", String(pid)]);
  return stdout.toString().split("\n").map(Number).filter(Boolean);
}
