/** Sockets, topics, channels and the bus in the metrics: of the whole cluster, whoever is asked. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ClientSocket } from "../support/client-socket.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { readExposition, sumOf } from "../support/exposition.ts";
import { processTimeout_ms } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

const source = `import { Robyn } from "robyn";
const app = new Robyn();
const jobs = app.channel("jobs", { capacity: 500 });
app.metrics("/metrics");
app.websocket("/", {
  open(ws) { ws.subscribe("all"); },
  message(ws, text) { ws.send(text); app.publish("all", "published"); },
});
app.get("/jobs", async () => { await jobs.send({ id: 1 }); return null; });
export default app;`;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(["--processes", "2"], source);
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function read(): Promise<(name: string) => number> {
  const response = await fetch(cluster.url("/metrics"), { headers: { connection: "close" } });
  const families = readExposition(await response.text(), "prometheus");
  return (name) => sumOf(families, name);
}

async function becomes(expected: Readonly<Record<string, number>>): Promise<void> {
  let seen: Record<string, number> = {};
  await until(
    () => `${Bun.inspect(expected)}, it is ${Bun.inspect(seen)}`,
    async () => {
      const value = await read();
      seen = Object.fromEntries(Object.keys(expected).map((name) => [name, value(name)]));
      return Bun.deepEquals(seen, expected);
    },
    10_000,
  );
}

test.skipIf(process.platform !== "linux")(
  "count what is open, came, went, was published, waits in channels, and who is joined",
  async () => {
    const clients: ClientSocket[] = [];
    for (let count = 0; count < 5; count++)
      clients.push(await ClientSocket.connect(cluster.port, "/"));
    for (const client of clients) client.send("hello");
    for (const client of clients) await client.receives(6);
    for (let count = 0; count < 3; count++)
      await fetch(cluster.url("/jobs"), { headers: { connection: "close" } });
    await becomes({
      robyn_websockets: 5,
      robyn_websocket_received_total: 5,
      robyn_websocket_sent_total: 5,
      robyn_published_total: 5,
      robyn_websocket_slow_total: 0,
      robyn_bus_dropped_total: 0,
      robyn_bus_peers: 2,
      robyn_channel_capacity: 500,
      robyn_channel_depth: 3,
      robyn_channel_sent_total: 3,
      robyn_channel_acknowledged_total: 0,
    });
    expect((await read())("robyn_channel_age_seconds")).toBeGreaterThan(0);
    for (const client of clients) client.close();
    await becomes({ robyn_websockets: 0, robyn_websocket_received_total: 5 });
  },
);

test("an application without sockets and channels has none of these", async () => {
  const app = quietApp();
  app.metrics("/metrics");
  await using server = await serveApp(app);
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  expect(text).not.toMatch(/robyn_(websocket|bus|channel|published)/);
});
