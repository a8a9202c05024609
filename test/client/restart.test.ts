/** The client while its server is killed, comes again, and is reloaded. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "robyn/client";
import { type Cluster, startCluster } from "../support/cluster.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

/** Writes what it receives to a file before it answers with it; counts on for whoever follows. */
const source = `import { appendFileSync } from "node:fs";
import { Robyn, sse, t } from "robyn";
const app = new Robyn();
app.websocket("/journal", {
  schema: t.Integer(),
  response: t.Integer(),
  message(socket, number) {
    appendFileSync("journal", number + "\\n");
    socket.send(number);
  },
});
app.get("/count", () => sse(async function* ({ lastEventId, signal }) {
  for (let id = Number(lastEventId ?? 0) + 1; !signal.aborted; id++) {
    yield { id: String(id), data: { id, pid: process.pid } };
    await Bun.sleep(2);
  }
}));
export default app;`;

const reconnect = { first: 0.02, most: 0.2 };

function journal(folder: string): number[] {
  const file = join(folder, "journal");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n").map(Number);
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || numbers[index - 1]! < number);
}

test("what is sent while the server is dead reaches the next one: all, in order, once", async () => {
  using folder = temporaryFolder({ "app.ts": source });
  const start = (port: number): Child =>
    robyn(["app.ts", "--port", String(port)], { cwd: folder.path });
  let child = start(0);
  try {
    const port = await child.port();
    const client = createClient(`http://127.0.0.1:${port}`);
    using socket = client.connect("/journal", { reconnect });
    const counted: number[] = [];
    const counting = new AbortController();
    const parse = (data: string): { id: number } => JSON.parse(data);
    const stream = client.events("/count", { reconnect, signal: counting.signal, parse });
    const count = (async () => {
      for await (const { data } of stream) counted.push(data.id);
    })();

    let next = 0;
    const offline: number[] = [];
    const answers: unknown[] = [];
    socket.on("message", (message) => answers.push(message));
    for (let round = 0; round < 3; round++) {
      const online = next++;
      socket.send(online);
      await until("an answer", () => answers.at(-1) === online, 10_000);
      const down = new Promise((resolve) => socket.on("close", resolve));
      child.signal("SIGKILL");
      await child.ended();
      await within("the end of the connection", down, 10_000);
      const seen = counted.length;
      for (let index = 0; index < 300; index++) {
        offline.push(next);
        expect(socket.send(next++)).toBe("queued");
      }
      child = start(port);
      await child.port();
      await within("the queue to empty", socket.drained(), 10_000);
      await until("the last answer", () => answers.at(-1) === next - 1, 10_000);
      await until("more events", () => counted.length > seen + 3, 10_000);
    }
    counting.abort();
    await within("the end of the stream", count);
    expect(journal(folder.path)).toEqual(Array.from({ length: next }, (_, index) => index));
    expect(offline).toHaveLength(900);
    expect(answers).toHaveLength(next);
    // Each event names what follows it, so nothing is missing and nothing came twice.
    expect(counted).toEqual(Array.from({ length: counted.length }, (_, index) => index + 1));
  } finally {
    await child[Symbol.asyncDispose]();
  }
});

describe.skipIf(process.platform !== "linux")("a rolling reload", () => {
  async function reload(cluster: Cluster): Promise<void> {
    await using child = robyn(["reload"], { env: cluster.env });
    expect(await child.ended()).toMatchObject({ code: 0 });
  }

  test("loses nothing, not even what is under way, doubles nothing, and keeps the order", async () => {
    await using cluster = await startCluster(["--processes", "2"], source);
    const client = createClient(cluster.url(""));
    const sockets = Array.from({ length: 4 }, () => client.connect("/journal", { reconnect }));
    const sent = new Set<number>();
    let queued = 0;
    let answers = 0;
    let next = 0;
    let closes = 0;
    const codes: number[] = [];
    let isOver = false;
    for (const [index, socket] of sockets.entries()) {
      const send = () => {
        // Tells the sockets apart; each has its own order.
        const number = next++ * sockets.length + index;
        sent.add(number);
        if (socket.send(number) === "queued") queued++;
      };
      socket.on("message", () => {
        answers++;
        if (!isOver) send();
      });
      // Nobody is there any more, so all of these wait.
      socket.on("close", ({ code, isFinal }) => {
        if (isFinal) return;
        closes++;
        codes.push(code);
        for (let count = 0; count < 50; count++) send();
      });
      send();
    }
    await until("traffic", () => answers > 100, 10_000);
    for (let count = 0; count < 2; count++) {
      const before = closes;
      await reload(cluster);
      await until("every socket to come back", () => sockets.every((it) => it.isOpen), 10_000);
      expect(closes - before).toBeGreaterThanOrEqual(sockets.length);
    }
    isOver = true;
    await Promise.all(sockets.map((socket) => within("an empty queue", socket.drained(), 10_000)));
    await until("the last answers", () => journal(cluster.folder.path).length >= sent.size, 10_000);
    for (const socket of sockets) socket.close();

    expect(new Set(codes)).toEqual(new Set([1001]));
    const written = journal(cluster.folder.path);
    expect(queued).toBeGreaterThanOrEqual(closes * 50);
    expect(new Set(written)).toEqual(sent);
    expect(written).toHaveLength(sent.size);
    for (const index of sockets.keys()) {
      const own = written.filter((number) => number % sockets.length === index);
      expect(isAscending(own)).toBe(true);
    }
  });
});
