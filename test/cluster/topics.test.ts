/** Topics, sockets and channels of one listener, seen from the others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, startCluster, whoAt } from "../support/cluster.ts";
import { processTimeout_ms } from "../support/process.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

const source = `import { Robyn, sse } from "robyn";
const app = new Robyn();
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "one" }));
app.websocket("/room/:room", {
  origin: "*",
  open(ws) {
    ws.subscribe(ws.params.room, { as: { index: app.cluster.index } });
    ws.send(JSON.stringify({ id: ws.id, index: app.cluster.index }));
  },
  message(ws, text) { ws.publish(ws.params.room, String(text)); },
});
app.get("/publish/:room", async ({ params, query }) => {
  for (let n = 0; n < Number(query.count ?? 1); n++)
    app.publish(params.room, query.number ?? app.cluster.index + ":" + n, { except: query.except });
  return "published";
});
app.get("/binary/:room", ({ params }) => { app.publish(params.room, new Uint8Array([1, 2, 255])); return null; });
app.get("/send/:id", ({ params }) => String(app.send(params.id, "for you, š")));
app.get("/presence/:room", ({ params }) => app.presence(params.room));
app.get("/stream/:room", ({ params }) => sse.subscribe(params.room));
const work = app.channel("work", { capacity: 100, batch: 1, delay: 0 });
const done = [];
work.consume((batch) => { for (const sent of batch) app.publish("done", String(Date.now() - sent.at)); });
app.get("/work", async () => { await work.send({ at: Date.now() }); return null; });
export default app;`;

interface Client {
  readonly id: string;
  readonly index: number;
  readonly heard: (string | number[])[];
  readonly socket: WebSocket;
}

let cluster: Cluster;
const clients: Client[] = [];
beforeAll(async () => {
  cluster = await startCluster(["--processes", "2", "--workers", "2"], source);
});
afterAll(async () => {
  for (const { socket } of clients) socket.close();
  await cluster[Symbol.asyncDispose]();
});

async function connect(room: string): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${cluster.port}/room/${room}`);
  socket.binaryType = "arraybuffer";
  const heard: Client["heard"] = [];
  const greeting = await new Promise<string>((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error("refused")), { once: true });
    socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true });
  });
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    heard.push(data instanceof ArrayBuffer ? [...new Uint8Array(data)] : String(data));
  });
  const client = { ...(JSON.parse(greeting) as { id: string; index: number }), heard, socket };
  clients.push(client);
  return client;
}

/** One client on each of `count` listeners. */
async function connectEverywhere(room: string, count: number): Promise<Client[]> {
  const found = new Map<number, Client>();
  await until(
    () => `clients on ${count} listeners, there are ${found.size}`,
    async () => {
      const client = await connect(room);
      if (found.has(client.index)) client.socket.close();
      else found.set(client.index, client);
      return found.size >= count;
    },
    15_000,
  );
  await until("the closed ones to be gone", async () => {
    return (await presence(room)).count === count;
  });
  return [...found.values()];
}

const get = (path: string) => fetch(cluster.url(path), { headers: { connection: "close" } });

async function presence(room: string): Promise<{ count: number; members: { id: string }[] }> {
  return (await (await get(`/presence/${room}`)).json()) as never;
}

describe("a topic", () => {
  test("reaches the subscribers of every process and thread, in the order of the publisher", async () => {
    const everywhere = await connectEverywhere("all", 4);
    const sent = 500;
    await get(`/publish/all?count=${sent}`);
    await until("all messages", () => everywhere.every(({ heard }) => heard.length === sent));
    for (const { heard } of everywhere) {
      expect(heard.map((text) => Number(String(text).split(":")[1]))).toEqual(
        Array.from({ length: sent }, (_, index) => index),
      );
    }
    await get("/binary/all");
    await until("bytes", () => everywhere.every(({ heard }) => heard.length > sent));
    for (const { heard } of everywhere) expect(heard.at(-1)).toEqual([1, 2, 255]);
  });

  test("leaves out who published, or who is named, wherever they are", async () => {
    const everywhere = await connectEverywhere("others", 4);
    const [first, second, ...rest] = everywhere;
    first!.socket.send("hello");
    await until("the others", () => [second!, ...rest].every(({ heard }) => heard.length === 1));
    await until("not the named", async () => {
      await get(`/publish/others?except=${second!.id}`);
      return rest.every(({ heard }) => heard.length > 4);
    });
    expect(second!.heard).toEqual(["hello"]);
    expect(first!.heard).not.toContain("hello");
  });

  test("a socket is reached by its id from any process", async () => {
    const everywhere = await connectEverywhere("single", 4);
    for (const { id } of everywhere) expect(await (await get(`/send/${id}`)).text()).toBe("true");
    await until("one each", () => everywhere.every(({ heard }) => heard.length === 1));
    expect(everywhere.map(({ heard }) => heard)).toEqual(everywhere.map(() => ["for you, š"]));
    expect(await (await get("/send/nobody-1")).text()).toBe("false");
  });

  test("knows who is subscribed, also after a worker was killed", async () => {
    const everywhere = await connectEverywhere("present", 4);
    for (let asked = 0; asked < 8; asked++) {
      const { members } = await presence("present");
      expect(members.toSorted(byId)).toEqual(
        everywhere.map(({ id, index }) => ({ id, as: { index } })).toSorted(byId),
      );
    }
    const victim = await whoAt(cluster.port);
    const gone = everywhere.filter(
      ({ index }) => Math.floor(index / 2) === Math.floor(victim.index / 2),
    );
    expect(gone).toHaveLength(2);
    process.kill(victim.pid, "SIGKILL");
    const expected = everywhere.filter((client) => !gone.includes(client)).map(({ id }) => id);
    await until(
      "the dead to be forgotten, by the survivors and by the successor",
      async () => {
        const answers = await Promise.all(
          Array.from({ length: 6 }, () => presence("present")),
        ).catch(() => []);
        return (
          answers.length > 0 &&
          answers.every(({ members }) =>
            Bun.deepEquals(members.map(({ id }) => id).toSorted(), expected.toSorted()),
          )
        );
      },
      15_000,
    );
  });

  test("is followed by event streams; one that comes back, to any process, has missed nothing", async () => {
    let lastEventId = "";
    let published = 0;
    const publish = async (count: number) => {
      for (let end = published + count; published < end; published++)
        await get(`/publish/news?number=${published}`);
    };
    const seen: number[] = [];
    for (let visit = 0; visit < 8; visit++) {
      const stop = new AbortController();
      const response = await fetch(cluster.url("/stream/news"), {
        headers: { connection: "close", ...(lastEventId && { "last-event-id": lastEventId }) },
        signal: stop.signal,
      });
      await publish(3);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      // The last visit reads all that is left, the others leave in the middle.
      const wanted = visit === 7 ? published : seen.length + 3;
      while (seen.length < wanted) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the stream ended");
        text += value;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          expect(event).not.toContain("event: gap");
          lastEventId = /^id: ?(.*)$/m.exec(event)?.[1] ?? lastEventId;
          const data = /^data: ?(.*)$/m.exec(event)?.[1];
          if (data !== undefined) seen.push(Number(data));
        }
      }
      stop.abort();
      // While nobody listens.
      if (visit < 7) await publish(2);
    }
    expect(seen.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: published }, (_, number) => number),
    );
  });
});

test("a consumer in another process is woken, not polled", async () => {
  const [client] = await connectEverywhere("done", 1);
  for (let sent = 1; sent <= 20; sent++) {
    await get("/work");
    await until("it was done", () => client!.heard.length === sent);
  }
  const delays = client!.heard.map(Number).toSorted((one, other) => one - other);
  // The slow poll alone would take 125 ms in the middle.
  expect(delays[10]).toBeLessThan(60);
});

test("after a rolling reload the new listeners are joined, and nothing of the old ones is left", async () => {
  const before = await connectEverywhere("reload", 4);
  const closed = before.map(
    ({ socket }) =>
      new Promise<number>((resolve) => (socket.onclose = ({ code }) => resolve(code))),
  );
  cluster.child.signal("SIGHUP");
  // Old and new listeners are joined with each other meanwhile: what is published reaches whoever is there, and fails nowhere.
  let isDone = false;
  const publishing = (async () => {
    const statuses = new Set<number>();
    while (!isDone) statuses.add((await get("/publish/reload")).status);
    return statuses;
  })();
  await cluster.child.prints(/reload 1: done/, "stderr", 60_000);
  isDone = true;
  expect(await publishing).toEqual(new Set([200]));
  expect(await Promise.all(closed)).toEqual([1001, 1001, 1001, 1001]);
  const after = await connectEverywhere("reload", 4);
  const ids = after.map(({ id }) => id).toSorted();
  await until("all of them to know exactly these", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => presence("reload")));
    return answers.every(({ members }) =>
      Bun.deepEquals(members.map(({ id }) => id).toSorted(), ids),
    );
  });
  for (const { id } of after) expect(await (await get(`/send/${id}`)).text()).toBe("true");
  await get("/publish/reload?number=last");
  await until("the message", () => after.every(({ heard }) => heard.includes("last")));
  for (const { id } of before) expect(await (await get(`/send/${id}`)).text()).toBe("false");
}, 90_000);

function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return one.id < other.id ? -1 : 1;
}
