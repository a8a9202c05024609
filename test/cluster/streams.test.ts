/** Event streams that come back to a process which was not there when they left. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "robyn/client";
import { type Cluster, startCluster, whoAt } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

/** Nothing of topics is loaded before the first request. */
const source = `import { Robyn, sse } from "robyn";
const app = new Robyn({ topics: { history: 5_000 } });
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "one" }));
app.get("/publish/:number", ({ params }) => { app.publish("news", params.number); return null; });
app.get("/stream", () => sse.subscribe("news"));
export default app;`;

interface Visit {
  readonly data: string[];
  readonly ids: string[];
}

interface ReadOptions {
  readonly after?: string;
  /** Runs once the stream has begun. */
  readonly then?: () => Promise<void>;
  /** Where it is gathered. */
  readonly visit?: Visit;
}

/** The next `count` events, and where one is behind each of them. A gap is none of them. */
async function read(
  cluster: Cluster,
  count: number,
  { after, then, visit = { data: [], ids: [] } }: ReadOptions = {},
): Promise<Visit> {
  const stop = new AbortController();
  const response = await fetch(cluster.url("/stream"), {
    headers: { connection: "close", ...(after !== undefined && { "last-event-id": after }) },
    signal: stop.signal,
  });
  const done = then?.();
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
      visit.ids.push(/^id: ?(.*)$/m.exec(event)?.[1] ?? "");
    }
    if (visit.data.length === count) break;
  }
  await done;
  stop.abort();
  return visit;
}

/** On fresh connections, which a reload may lose before they are read (docs/reliability.md): those are asked again. */
async function publish(cluster: Cluster, first: number, last: number): Promise<void> {
  const headers = { connection: "close" };
  for (let number = first; number <= last; number++)
    await until(`${number} to be published`, () =>
      fetch(cluster.url(`/publish/${number}`), { headers }).catch(() => undefined),
    );
}

function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}

/** Reads ten messages, all of them, but says that it has seen the first five. */
async function readHalf(cluster: Cluster, listeners: number): Promise<Visit> {
  const then = async () => {
    // Each of them has heard by now that the topic is followed.
    await cluster.everybody(listeners);
    await publish(cluster, 1, 10);
  };
  const { data, ids } = await within("ten messages", read(cluster, 10, { then }), 8_000);
  return { data: data.slice(0, 5), ids: ids.slice(0, 5) };
}

/** What is behind those that were seen, at every listener. */
async function expectAll(cluster: Cluster, { data, ids }: Visit, last: number): Promise<void> {
  const id = ids.at(-1)!;
  const missing = numbers(1, last).filter((number) => !data.includes(number));
  for (let visit = 0; visit < 6; visit++) {
    const visit: Visit = { data: [], ids: [] };
    await within(
      () => `${missing} behind ${id}; so far ${visit.data}`,
      read(cluster, missing.length, { after: id, visit }),
      8_000,
    );
    expect(visit.data.toSorted()).toEqual(missing.toSorted());
  }
}

for (const [listeners, args] of [
  // With a primary, because of the second.
  [1, ["--processes", "1", "--max-requests", "1000000"]],
  [4, ["--processes", "2", "--workers", "2"]],
] as const) {
  describe(`an event stream of a cluster ${args.join(" ")}`, () => {
    test("goes on where it ended, behind reloads, whatever was published in between", async () => {
      await using cluster = await startCluster(args, source);
      const before = await readHalf(cluster, listeners);
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
  const before = await readHalf(cluster, 2);
  for (let killed = 0; killed < 2; killed++) {
    const { pid } = await whoAt(cluster.port);
    process.kill(pid, "SIGKILL");
    await cluster.child.prints(new RegExp(`(?:SIGKILL[^]*){${killed + 1}}`), "stderr", 20_000);
    await cluster.everybody(2);
    await expectAll(cluster, before, 10);
  }
});

/** Hears the topic a few messages at a time, and comes back for the next ones, mostly to somebody else. */
class Restless implements Disposable {
  readonly heard: string[] = [];
  readonly #stream;
  #isOver = false;

  constructor(cluster: Cluster, atOnce: number) {
    const reconnect = { first: 0.02, most: 0.1 };
    this.#stream = createClient(cluster.url("")).events("/stream", { reconnect });
    void this.#run(atOnce);
  }

  async #run(atOnce: number): Promise<void> {
    while (!this.#isOver) {
      let count = 0;
      for await (const { event, data } of this.#stream) {
        this.heard.push(event === "gap" ? "gap" : data);
        if (++count === atOnce) break;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stream.close();
  }
}

test("clients that come and go all the time miss nothing and hear nothing twice, over two reloads", async () => {
  await using cluster = await startCluster(["--processes", "2", "--workers", "2"], source);
  using stack = new DisposableStack();
  const clients = [5, 7, 11, 13].map((atOnce) => stack.use(new Restless(cluster, atOnce)));
  await cluster.everybody(4);
  let published = 0;
  await until("the first message", async () => {
    await publish(cluster, published, published++);
    return clients.every(({ heard }) => heard.length > 0);
  });
  const early = published;
  let isOver = false;
  const publishing = (async () => {
    for (; !isOver; published++) await publish(cluster, published, published);
  })();
  // Its failure is told where it is waited for; before, it would end the test without its cluster.
  publishing.catch(() => {});
  for (let reload = 1; reload <= 2; reload++) {
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(new RegExp(`reload ${reload}: done`), "stderr", 60_000);
  }
  isOver = true;
  await publishing;
  // What came before the first one may have been published before its client was there.
  const expected = numbers(early, published - 1);
  for (const { heard } of clients) {
    const late = () => heard.filter((data) => data === "gap" || Number(data) >= early);
    await until(
      () => `${expected.length} messages, not ${late().length}`,
      () => late().length >= expected.length,
    );
    expect(late().toSorted(byNumber)).toEqual(expected);
  }
});

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other);
}
