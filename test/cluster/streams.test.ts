/** Event streams that come back to a process which was not there when they left. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, startCluster, whoAt } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

/** Nothing of topics is loaded before the first request. */
const source = `import { Robyn, sse } from "robyn";
const app = new Robyn({ topics: { history: 100 } });
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "one" }));
app.get("/publish/:number", ({ params }) => { app.publish("news", params.number); return null; });
app.get("/stream", () => sse.subscribe("news"));
export default app;`;

interface Visit {
  readonly data: string[];
  readonly id: string;
}

/** The next `count` events, and where one is behind them. A gap is none of them. */
async function read(cluster: Cluster, count: number, after?: string, then = async () => {}) {
  const stop = new AbortController();
  const response = await fetch(cluster.url("/stream"), {
    headers: { connection: "close", ...(after !== undefined && { "last-event-id": after }) },
    signal: stop.signal,
  });
  const done = then();
  const visit = { data: [] as string[], id: "" };
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const event = text.slice(0, end);
      text = text.slice(end + 2);
      expect(event).not.toContain("event: gap");
      const data = /^data: ?(.*)$/m.exec(event)?.[1];
      if (data === undefined || visit.data.length === count) continue;
      visit.data.push(data);
      visit.id = /^id: ?(.*)$/m.exec(event)?.[1] ?? "";
    }
    if (visit.data.length === count) break;
  }
  await done;
  stop.abort();
  return visit;
}

async function publish(cluster: Cluster, first: number, last: number): Promise<void> {
  for (let number = first; number <= last; number++)
    await fetch(cluster.url(`/publish/${number}`), { headers: { connection: "close" } });
}

function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}

/** What is behind the fifth of ten, at every listener. */
async function expectAll(cluster: Cluster, { data, id }: Visit, last: number): Promise<void> {
  const missing = numbers(1, last).filter((number) => !data.includes(number));
  for (let visit = 0; visit < 6; visit++) {
    const back = await within("what was missed", read(cluster, missing.length, id), 8_000);
    expect(back.data.toSorted()).toEqual(missing.toSorted());
  }
}

for (const args of [
  // With a primary, because of the second.
  ["--processes", "1", "--max-requests", "1000000"],
  ["--processes", "2", "--workers", "2"],
]) {
  describe(`an event stream of a cluster ${args.join(" ")}`, () => {
    test("goes on where it ended, behind reloads, whatever was published in between", async () => {
      await using cluster = await startCluster(args, source);
      const before = await read(cluster, 5, undefined, () => publish(cluster, 1, 10));
      await expectAll(cluster, before, 10);
      for (let reload = 1; reload <= 2; reload++) {
        cluster.child.signal("SIGHUP");
        await publish(cluster, 10 * reload + 1, 10 * reload + 10);
        await cluster.child.prints(new RegExp(`reload ${reload}: done`), "stderr", 60_000);
        await expectAll(cluster, before, 10 * reload + 10);
      }
    });
  });
}

test("an event stream goes on at the successor of a process that was killed", async () => {
  await using cluster = await startCluster(["--processes", "2"], source);
  const before = await read(cluster, 5, undefined, () => publish(cluster, 1, 10));
  for (let killed = 0; killed < 2; killed++) {
    const { pid } = await whoAt(cluster.port);
    process.kill(pid, "SIGKILL");
    await cluster.child.prints(new RegExp(`(?:SIGKILL[^]*){${killed + 1}}`), "stderr", 20_000);
    await cluster.everybody(2);
    await expectAll(cluster, before, 10);
  }
});
