/** Limits, kept answers, const answers and metrics in one cluster, over HTTP: what one listener does, all of them show. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { countedOf, scrape } from "../support/scrape.ts";

setDefaultTimeout(processTimeout_ms);

const source = (
  version: string,
  core = "auto",
) => `import { compress, etag, rateLimit, Robyn } from "robyn";
const app = new Robyn({ core: "${core}" });
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "${version}" }));
app.get("/const", { const: true }, () => ({ version: "${version}", made: Math.random() }));
const kept = { cache: { ttl: 60, tags: ["kept"] } };
app.afterRequest("/kept/*", compress());
app.afterRequest("/kept/*", etag());
app.get("/kept/:id", kept, ({ params }) => ({ id: params.id, made: Math.random(), text: "text ".repeat(1_000) }));
app.post("/forget", () => { app.cache.invalidate({ tag: "kept" }); return "done"; });
app.beforeRequest("/limited/*", rateLimit({ limit: 4, window: 3_600, by: () => "all" }));
app.get("/limited/kept", kept, () => "in");
app.metrics("/metrics");
export default app;`;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** On a connection of its own: any listener may answer. */
async function ask(cluster: Cluster, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(cluster.url(path), { ...init, keepalive: false });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** Enough connections that, of four listeners, none is left out but by a chance of one in 10⁴. */
function askAll(cluster: Cluster, path: string, init: RequestInit = {}): Promise<Answer[]> {
  return Promise.all(Array.from({ length: 40 }, () => ask(cluster, path, init)));
}

const texts = (answers: readonly Answer[]) => new Set(answers.map(({ text }) => text));

describe.skipIf(process.platform !== "linux")("a cluster of two processes with two threads", () => {
  const start = () => startCluster(["--processes", "2", "--workers", "2"], source("one"));

  test("makes a const answer once, and once more for the next version", async () => {
    await using cluster = await start();
    await cluster.everybody(4);
    const [first, ...others] = texts(await askAll(cluster, "/const"));
    expect([first, others]).toEqual([expect.stringContaining('"one"'), []]);
    cluster.folder.write("app.ts", source("two"));
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 1: done/, "stderr");
    const [second, ...rest] = texts(await askAll(cluster, "/const"));
    expect([second, rest]).toEqual([expect.stringContaining('"two"'), []]);
  });

  test("shows nowhere what any listener has invalidated", async () => {
    await using cluster = await start();
    await cluster.everybody(4);
    let last: string | undefined;
    for (let round = 0; round < 10; round++) {
      const [now, ...others] = texts(await askAll(cluster, "/kept/1"));
      expect(others).toEqual([]);
      expect(now).not.toBe(last);
      last = now;
      await ask(cluster, "/forget", { method: "POST" });
    }
  });

  test("keeps an answer once for every coding, with one tag, and answers 304 for it", async () => {
    await using cluster = await start();
    await cluster.everybody(4);
    const plain = await askAll(cluster, "/kept/7", { headers: { "accept-encoding": "identity" } });
    const gzip = await askAll(cluster, "/kept/7", { headers: { "accept-encoding": "gzip" } });
    expect(texts([...plain, ...gzip]).size).toBe(1);
    const tags = (answers: readonly Answer[]) =>
      new Set(answers.map(({ headers }) => headers.get("etag")));
    expect(tags(gzip).size).toBe(1);
    for (const { headers } of gzip) {
      expect(headers.get("content-encoding")).toBe("gzip");
      expect(headers.get("vary")?.toLowerCase()).toContain("accept-encoding");
    }
    const [tag] = tags(gzip);
    const conditional = { headers: { "accept-encoding": "gzip", "if-none-match": tag ?? "" } };
    for (const { status, text } of await askAll(cluster, "/kept/7", conditional))
      expect([status, text]).toEqual([304, ""]);
    await ask(cluster, "/forget", { method: "POST" });
    for (const { status } of await askAll(cluster, "/kept/7", conditional))
      expect(status).toBe(200);
  });

  test("limits requests that are answered from the cache, and counts every one", async () => {
    await using cluster = await start();
    await cluster.everybody(4);
    const answers = await askAll(cluster, "/limited/kept");
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(36);
    const families = await scrape(cluster.url(""));
    expect(countedOf(families, "/limited/kept", 200)).toBe(4);
    expect(countedOf(families, "/limited/kept", 429)).toBe(36);
  });
});

test.skipIf(process.platform !== "linux")(
  "a cluster on the portable core serves, and each process says once that it shares nothing",
  async () => {
    await using cluster = await startCluster(["--processes", "2"], source("one", "portable"));
    await cluster.everybody(2);
    const answers = await askAll(cluster, "/limited/kept");
    const passed = answers.filter(({ status }) => status === 200).length;
    expect(passed).toBeGreaterThanOrEqual(4);
    expect(passed).toBeLessThanOrEqual(8);
    expect(texts(await askAll(cluster, "/const")).size).toBeLessThanOrEqual(2);
    const said = cluster.child.stderr.match(/the portable core shares nothing with the other/g);
    expect(said).toHaveLength(2);
  },
);
