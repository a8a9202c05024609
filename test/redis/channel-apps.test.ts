/** Channels in applications that Redis joins: nothing of their code says so. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { redis } from "robyn/redis";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { hasRedis, RedisServer } from "../support/redis.ts";
import { startPair } from "../support/redis-app.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

/** Handles one message at a time, slowly, and prints when it begins and when it is done. */
const slow = `import { Robyn } from "robyn";
import { redis } from "robyn/redis";
const app = new Robyn({ adapter: redis(process.env.REDIS_URL, { heartbeat: 100 }) });
app.channel("jobs", { batch: 1 }).consume(async ([n]) => {
  console.log("begins " + n);
  await Bun.sleep(20);
  console.log("ends " + n);
});
export default app;`;

/** Writes down what it handles, in the order in which it is done. */
const writing = `import { appendFileSync } from "node:fs";
import { Robyn } from "robyn";
import { redis } from "robyn/redis";
const app = new Robyn({ adapter: redis(process.env.REDIS_URL, { prefix: "writing" }) });
const jobs = app.channel("jobs", { batch: 5 });
jobs.consume(async (batch) => {
  await Bun.sleep(1);
  appendFileSync("handled", batch.join("\\n") + "\\n");
});
app.post("/jobs/:n", async ({ params, status }) => {
  await jobs.send(params.n);
  return status(202);
});
export default app;`;

describe.skipIf(!hasRedis)("applications", () => {
  let server: RedisServer;
  beforeAll(async () => void (server = await RedisServer.start()));
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("of two clusters share a channel, whenever it was made, and its figures", async () => {
    const seen: number[] = [];
    await using here = await startPair(server.url, { prefix: "shared" }, (app) => {
      app.metrics("/metrics");
      const jobs = app.channel<number>("jobs", { batch: 10 });
      jobs.consume((batch) => seen.push(...batch));
      app.post("/jobs/:n", async ({ params, status }) => {
        await jobs.send(Number(params.n));
        return status(202);
      });
    });
    const sites = [here, here.other];
    for (let n = 0; n < 10; n++) {
      const url = sites[n % 2]!.served.url(`/jobs/${n}`);
      expect((await fetch(url, { method: "POST" })).status).toBe(202);
    }
    await until("all of them", () => seen.length === 10);
    expect(seen.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const { served } of sites)
      await until("the same figures everywhere", async () => {
        const text = await (await fetch(served.url("/metrics"))).text();
        return (
          /^robyn_channel_sent_total\{channel="jobs"\} 10$/m.test(text) &&
          /^robyn_channel_acknowledged_total\{channel="jobs"\} 10$/m.test(text) &&
          /^robyn_channel_depth\{channel="jobs"\} 0$/m.test(text)
        );
      });
    // Made while both run.
    const late = here.app.channel<string>("late");
    const heard: string[] = [];
    here.other.app.channel<string>("late").consume((batch) => heard.push(...batch));
    await late.send("hello");
    await until("the message", () => heard.length === 1);
  });

  test("have a loop that began before the start wait for it", async () => {
    const options = { prefix: "early", heartbeat: 100 };
    const app = quietApp({ adapter: redis(server.url, options) });
    const jobs = app.channel<number>("jobs");
    const seen: number[] = [];
    const loop = (async () => {
      for await (const batch of jobs) seen.push(...batch);
    })();
    // Sent before it is known that others are joined: it goes to them all the same.
    await jobs.send(1);
    await Bun.sleep(1);
    expect(seen).toEqual([]);
    expect(() => jobs.consume(() => {})).toThrow("consumed in this process already");
    const served = await serveApp(app);
    await until("the message", () => seen.length === 1);
    expect(await server.ask("EXISTS", "early:channel-lease:jobs")).toBe(1);
    await served[Symbol.asyncDispose]();
    await loop;
    expect(await server.ask("EXISTS", "early:channel-lease:jobs")).toBe(0);
  });

  test("keep their channels to themselves if they are told so, or are mounted", async () => {
    const options = { prefix: "apart", channels: false };
    const seen: string[] = [];
    let sites = 0;
    await using here = await startPair(server.url, options, (app) => {
      const name = `site ${sites++}`;
      const jobs = app.channel<number>("jobs");
      jobs.consume((batch) => seen.push(`${name} ${batch}`));
      app.get("/send", async () => void (await jobs.send(1)));
    });
    await fetch(here.served.url("/send"));
    await fetch(here.other.served.url("/send"));
    await until("both", () => seen.includes("site 0 1") && seen.includes("site 1 1"));
    expect(await server.ask("KEYS", "apart:channel*")).toEqual([]);
    const mounted = quietApp({ adapter: redis(server.url, { prefix: "apart" }) });
    const jobs = mounted.channel<number>("jobs").consume((batch) => seen.push(`mounted ${batch}`));
    await mounted.request("/");
    await jobs.send(2);
    await until("its own message", () => seen.includes("mounted 2"));
  });

  test.skipIf(process.platform !== "linux")(
    "in clusters of several processes lose and repeat nothing when one is reloaded, and stopped",
    async () => {
      using folder = temporaryFolder({ "app.ts": writing, handled: "" });
      const handled = () =>
        readFileSync(join(folder.path, "handled"), "utf8").split("\n").slice(0, -1).map(Number);
      const start = () =>
        robyn(["app.ts", "--port", "0", "--processes", "2"], {
          cwd: folder.path,
          env: { REDIS_URL: server.url },
        });
      await using first = start();
      let port = await first.port();
      const send = async (from: number, to: number) => {
        for (let n = from; n < to; n++) {
          // On a connection of its own, so that both processes send.
          const init = { method: "POST", keepalive: false };
          const { status } = await fetch(`http://127.0.0.1:${port}/jobs/${n}`, init);
          expect(status).toBe(202);
        }
      };
      await send(0, 100);
      // The consumer is one of the first cluster: it was alone until now.
      await using second = start();
      const otherPort = await second.port();
      first.signal("SIGHUP");
      await send(100, 200);
      await first.prints(/reload \d+: done/, "stderr");
      await send(200, 300);
      first.signal("SIGTERM");
      expect((await first.ended()).code).toBe(0);
      port = otherPort;
      await send(300, 320);
      await until("all of them", () => new Set(handled()).size === 320, 15_000);
      expect(handled().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 320 }, (_, n) => n));
    },
  );

  test.skipIf(process.platform !== "linux")(
    "in a cluster without Redis are left to who comes next at once: a reload takes no longer, and says nothing of loss",
    async () => {
      await using own = await RedisServer.start();
      using folder = temporaryFolder({ "app.ts": writing, handled: "" });
      await using cluster = robyn(["app.ts", "--port", "0", "--processes", "2"], {
        cwd: folder.path,
        env: { REDIS_URL: own.url },
      });
      const port = await cluster.port();
      await own.kill();
      await cluster.prints(/(no connection[^]*){2}/, "stderr");
      for (let n = 0; n < 40; n++) {
        const init = { method: "POST", keepalive: false };
        expect((await fetch(`http://127.0.0.1:${port}/jobs/${n}`, init)).status).toBe(202);
      }
      cluster.signal("SIGHUP");
      await cluster.prints(/reload \d+: done/, "stderr");
      expect(cluster.stderr).not.toContain("did not finish");
      expect(cluster.stderr).not.toContain("handed over");
      await own.begin();
      const handled = () => readFileSync(join(folder.path, "handled"), "utf8").trim().split("\n");
      await until("all of them", () => handled().length === 40, 15_000);
      expect(new Set(handled()).size).toBe(40);
    },
  );

  test("whose consumer is stopped beyond its lease: another goes on, and it hands out nothing it had fetched", async () => {
    using folder = temporaryFolder({ "app.ts": slow });
    await using child = robyn(["app.ts", "--port", "0"], {
      cwd: folder.path,
      env: { REDIS_URL: server.url },
    });
    await child.port();
    const app = quietApp({ adapter: redis(server.url, { heartbeat: 100 }) });
    const jobs = app.channel<number>("jobs", { batch: 10 });
    await using _ = await serveApp(app);
    for (let n = 0; n < 60; n++) await jobs.send(n);
    await child.prints(/ends 5\n/);
    child.signal("SIGSTOP");
    const seen: number[] = [];
    jobs.consume((batch) => seen.push(...batch));
    await until("another one to finish", () => seen.at(-1) === 59, 15_000);
    await until("it to be acknowledged", () => jobs.stats().depth === 0);
    const begun = child.stdout.match(/begins \d+/g)!.length;
    child.signal("SIGCONT");
    // Nothing it prints from now on is about a message that it had not begun.
    await jobs.send(60);
    await until("one more", () => seen.at(-1) === 60);
    await Bun.sleep(100);
    expect(child.stdout.match(/begins \d+/g)!.length).toBeLessThanOrEqual(begun + 1);
    // Together they have handled all, in order, and at most one message twice.
    const first = [...child.stdout.matchAll(/ends (\d+)/g)].map(([, n]) => Number(n));
    expect(first).toEqual(first.toSorted((a, b) => a - b));
    expect(new Set([...first, ...seen])).toEqual(new Set(Array.from({ length: 61 }, (_, n) => n)));
    expect(first.length + seen.length).toBeLessThanOrEqual(62);
  });
});
