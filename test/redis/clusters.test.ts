/** Example 16, run as its first comment says: two clusters of two processes each, joined by a real Redis. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ClientSocket } from "../support/client-socket.ts";
import { childrenOf, isAlive } from "../support/cluster.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

interface City extends AsyncDisposable {
  readonly child: Child;
  readonly port: number;
  visit(room: string): Promise<{ readonly id: string; readonly socket: ClientSocket }>;
  get(path: string): Promise<Response>;
  post(path: string, body: string): Promise<Response>;
  members(room: string): Promise<{ id: string; as: unknown }[]>;
}

async function startCity(name: string, url: string): Promise<City> {
  const child = robyn(["examples/16-two-clusters/app.ts", "--port", "0", "--processes", "2"], {
    env: { CITY: name, REDIS_URL: url },
  });
  const port = await child.port();
  const workers = childrenOf(child.pid);
  // Each on a connection of its own, so that both processes are asked.
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { ...init, keepalive: false });
  return {
    child,
    port,
    async visit(room) {
      const socket = await ClientSocket.connect(port, `/rooms/${room}`);
      const [greeting] = await socket.receives(1);
      socket.messages.length = 0;
      return { id: (JSON.parse(String(greeting)) as { id: string }).id, socket };
    },
    get: ask,
    post: (path, body) => ask(path, { method: "POST", body }),
    members: async (room) =>
      (await (await ask(`/rooms/${room}/members`)).json()) as { id: string; as: unknown }[],
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await until("the workers to end", () => !workers.some(isAlive), 5_000);
    },
  };
}

describe.skipIf(!hasRedis)("16 joins two clusters of two processes", () => {
  let server: RedisServer;
  let berlin: City;
  let lisbon: City;
  beforeAll(async () => {
    server = await RedisServer.start();
    [berlin, lisbon] = await Promise.all([
      startCity("Berlin", server.url),
      startCity("Lisbon", server.url),
    ]);
  });
  afterAll(async () => {
    await Promise.all([berlin, lisbon].map((city) => city[Symbol.asyncDispose]()));
    await server[Symbol.asyncDispose]();
  });

  test("so that everybody hears what is said, once", async () => {
    // Enough to be on all processes.
    const visitors = await Promise.all(
      Array.from({ length: 16 }, (_, n) => (n % 2 === 0 ? berlin : lisbon).visit("lobby")),
    );
    await until("all to be seen everywhere", async () => {
      const counts = await Promise.all(
        [1, 2, 3, 4].flatMap(() => [berlin, lisbon].map((it) => it.members("lobby"))),
      );
      return counts.every((members) => members.length === 16);
    });
    const [speaker, ...others] = visitors;
    for (let n = 0; n < 50; n++) speaker!.socket.send(String(n));
    const said = Array.from({ length: 50 }, (_, n) => `Berlin: ${n}`);
    for (const { socket } of others) expect(await socket.receives(50)).toEqual(said);
    await lisbon.post("/rooms/lobby/say", "last");
    for (const { socket } of others)
      expect((await socket.receives(51)).at(-1)).toBe("Lisbon, aloud: last");
    expect(await speaker!.socket.receives(1)).toEqual(["Lisbon, aloud: last"]);
    for (const { socket } of others) expect(socket.messages).toHaveLength(51);
    for (const { socket } of visitors) socket.close();
  });

  test("so that every visitor is reached by id from everywhere", async () => {
    const visitor = await berlin.visit("hall");
    await until("it to be known", async () => (await lisbon.members("hall")).length === 1);
    for (let n = 0; n < 4; n++) {
      expect((await lisbon.post(`/visitors/${visitor.id}`, `l${n}`)).ok).toBe(true);
      expect((await berlin.post(`/visitors/${visitor.id}`, `b${n}`)).ok).toBe(true);
    }
    const heard = await visitor.socket.receives(8);
    expect(heard.map(String).toSorted()).toEqual(["b0", "b1", "b2", "b3", "l0", "l1", "l2", "l3"]);
    expect((await lisbon.post("/visitors/nobody-1", "x")).status).toBe(404);
    visitor.socket.close();
  });

  test("so that limits count in both together", async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++)
      statuses.push((await (n % 2 === 0 ? berlin : lisbon).post("/rooms/limit/say", "x")).status);
    // The first test has spent one of the ten; one comes back in six seconds.
    const allowed = statuses.filter((it) => it === 204 || it === 200).length;
    expect(allowed).toBeWithin(9, 12);
    expect(statuses.at(-1)).toBe(429);
  });

  test("so that an answer is made in one of them, and ended in both at once where it is said", async () => {
    const headers = { host: "rooms.example" };
    const report = async (city: City, room: string) => {
      const response = await fetch(`http://127.0.0.1:${city.port}/rooms/${room}/report`, {
        ...{ headers, keepalive: false },
      });
      return { text: await response.text(), origin: response.headers.get("cache-status") };
    };
    await until("answers to be found", async () => {
      const room = crypto.randomUUID();
      const { text } = await report(berlin, room);
      const found = await report(lisbon, room);
      return found.text === text && found.origin?.startsWith("redis; hit;");
    });
    for (let round = 0; round < 30; round++) {
      const before = [await report(berlin, "hall"), await report(lisbon, "hall")];
      const url = `http://127.0.0.1:${lisbon.port}/reports`;
      expect((await fetch(url, { method: "DELETE", keepalive: false })).ok).toBe(true);
      // Whichever process answers, and whoever has told Redis.
      for (const { text } of await Promise.all([1, 2, 3, 4].map(() => report(lisbon, "hall"))))
        expect(before.map((it) => it.text)).not.toContain(text);
      await until(
        "the end of it in the other city",
        async () => (await report(berlin, "hall")).text !== before[0]!.text,
      );
    }
  });

  test("so that what is ordered anywhere is made once", async () => {
    const visitors = [await berlin.visit("kitchen"), await lisbon.visit("kitchen")];
    await until("both to be known", async () =>
      (await Promise.all([berlin, lisbon].map((city) => city.members("kitchen")))).every(
        (members) => members.length === 2,
      ),
    );
    for (let n = 0; n < 5; n++) {
      expect((await berlin.post("/orders", `tea ${n}`)).status).toBe(202);
      expect((await lisbon.post("/orders", `cake ${n}`)).status).toBe(202);
    }
    const orders = (what: string, city: string) =>
      [0, 1, 2, 3, 4].map((n) => `${what} ${n} for ${city}`);
    for (const { socket } of visitors) {
      const heard = (await socket.receives(10)).map((text) =>
        String(text).replace(/^\w+ makes /, ""),
      );
      expect(heard.toSorted()).toEqual([...orders("cake", "Lisbon"), ...orders("tea", "Berlin")]);
    }
    // Nobody hears of one twice.
    await berlin.post("/orders", "the bill");
    for (const { socket } of visitors) {
      await until("the last one", () => String(socket.messages.at(-1)).includes("the bill"));
      expect(socket.messages).toHaveLength(11);
      socket.close();
    }
  });

  test("and says in its metrics that all are connected", async () => {
    await until("both listeners to be counted", async () =>
      /^robyn_redis_connected 2$/m.test(await (await berlin.get("/metrics")).text()),
    );
    const text = await (await berlin.get("/metrics")).text();
    expect(text).toMatch(/^robyn_redis_dropped_total 0$/m);
    expect(text).toMatch(/^robyn_redis_failures_total 0$/m);
    expect(text).toMatch(/^robyn_redis_fallbacks_total 0$/m);
  });

  test("and forgets a cluster that is killed", async () => {
    const lasting = await berlin.visit("end");
    const porto = await startCity("Porto", server.url);
    await porto.visit("end");
    await porto.visit("end");
    await until("all of them", async () => (await berlin.members("end")).length === 3);
    porto.child.signal("SIGKILL");
    await porto[Symbol.asyncDispose]();
    await until(
      "the dead to be forgotten",
      async () => {
        // Each process of Berlin notices by itself.
        for (let n = 0; n < 10; n++) if ((await berlin.members("end")).length > 1) return false;
        return true;
      },
      15_000,
    );
    expect(await berlin.members("end")).toEqual([{ id: lasting.id, as: { city: "Berlin" } }]);
    lasting.socket.close();
  });
});
