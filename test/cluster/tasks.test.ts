/** once() and cron(): in exactly one worker, and in another when that one is gone. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Cluster, clusterSource, startCluster } from "../support/cluster.ts";
import { recordingLogger } from "../support/log.ts";
import { processTimeout_ms } from "../support/process.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

/** A clock that fires at once and never again; the real one has minutes. */
const fakeCron = `const { parse, remove } = Bun.cron;
Bun.cron = Object.assign((expression, run) => {
  console.log("scheduled", expression, "in", process.pid);
  void run();
  return { stop() { console.log("unscheduled in", process.pid); return this; }, unref() { return this; } };
}, { parse, remove });`;

const tasks = `app.once("consumer", async (signal) => {
  console.log("consumes in", process.pid);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await Bun.sleep(20);
  console.log("done in", process.pid);
});
app.cron("*/5 * * * *", () => console.log("fired in", process.pid));`;

function pids(cluster: Cluster, what: string): number[] {
  const found = cluster.child.stdout.matchAll(new RegExp(`^${what} (\\d+)$`, "gm"));
  return [...found].map(([, pid]) => Number(pid));
}

describe.skipIf(process.platform !== "linux")("in a cluster", () => {
  test("run in one worker, and move when it is killed", async () => {
    await using cluster = await startCluster(
      ["--processes", "3"],
      `${fakeCron}\n${clusterSource("one", tasks)}`,
    );
    await cluster.everybody(3);
    await until("both to run", () => pids(cluster, "fired in").length > 0);
    const [first] = pids(cluster, "consumes in");
    expect(pids(cluster, "consumes in")).toHaveLength(1);
    expect(pids(cluster, "fired in")).toHaveLength(1);
    process.kill(first!, "SIGKILL");
    await until("another to take over", () => pids(cluster, "consumes in").length === 2);
    const [, second] = pids(cluster, "consumes in");
    expect(second).not.toBe(first!);
    expect(pids(cluster, "done in")).toEqual([]);
  });

  test("move with a reload, after they have ended where they ran, to the new code", async () => {
    await using cluster = await startCluster(
      ["--processes", "2"],
      `${fakeCron}\n${clusterSource("one", tasks)}`,
    );
    await until("both to run", () => pids(cluster, "fired in").length > 0);
    cluster.child.signal("SIGHUP");
    await cluster.child.prints(/reload 1: done/, "stderr");
    const lines = cluster.child.stdout.split("\n").filter((line) => /consumes|done/.test(line));
    const order = lines.map((line) => line.split(" ")[0]);
    expect(order).toEqual(["consumes", "done", "consumes"]);
    const everybody = await cluster.everybody(2);
    expect(everybody.map(({ pid }) => pid)).toContain(pids(cluster, "consumes in")[1]!);
    expect(pids(cluster, "unscheduled in")).toHaveLength(1);
  });
});

describe("alone", () => {
  test("once() runs when the server listens, and is waited for when it drains", async () => {
    const events: string[] = [];
    const app = quietApp()
      .once("consumer", async (signal) => {
        events.push("begins");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await Bun.sleep(10);
        events.push("ends");
      })
      .shutdownHandler(() => void events.push("shutdown"));
    const { running } = await serveApp(app);
    expect(events).toEqual(["begins"]);
    await running.stop();
    expect(events).toEqual(["begins", "ends", "shutdown"]);
  });

  test("one that does not end is given up at the deadline", async () => {
    const app = quietApp().once("stubborn", () => new Promise(() => {}));
    const { running } = await serveApp(app, { shutdownTimeout: 0 });
    await running.stop();
  });

  test("one that fails is logged, and the server serves on", async () => {
    const logger = recordingLogger();
    const app = quietApp({ logger })
      .once("broken", () => Promise.reject(new Error("no queue")))
      .get("/", () => "serves");
    await using server = await serveApp(app);
    await until("the log", () => logger.errors().includes("no queue"));
    expect(logger.errors()).toContain('the task "broken" failed');
    expect(await (await fetch(server.url("/"))).text()).toBe("serves");
  });

  test("cron() hands the expression and the time zone to Bun.cron, and stops it", async () => {
    let stopped = 0;
    const job = { cron: "", stop: () => (stopped++, job), ref: () => job, unref: () => job };
    const calls: unknown[][] = [];
    const original = Bun.cron;
    const app = quietApp().cron("0 3 * * MON-FRI", () => {}, { tz: "UTC" });
    const replaced = Object.assign(
      (...args: unknown[]) => {
        calls.push(args);
        return job;
      },
      { parse: original.parse, remove: original.remove },
    );
    Object.assign(Bun, { cron: replaced });
    try {
      const { running } = await serveApp(app);
      expect(calls).toEqual([["0 3 * * MON-FRI", expect.any(Function), { tz: "UTC" }]]);
      await running.stop();
      expect(stopped).toBe(1);
    } finally {
      Object.assign(Bun, { cron: original });
    }
  });

  test.each(["61 * * * *", "* * * *", "0 0 30 2 *", ""])(
    "the schedule %j is refused",
    (expression) => {
      expect(() => quietApp().cron(expression, () => {})).toThrow("[ROBYN_TASK_INVALID]");
    },
  );

  test("a time zone that there is not is refused", () => {
    expect(() => quietApp().cron("@daily", () => {}, { tz: "Mars/Base" })).toThrow(
      "[ROBYN_TASK_INVALID]",
    );
  });

  test("two tasks of one name, and one without, are refused; two jobs of one schedule are not", () => {
    const app = quietApp().once("a", () => {});
    expect(() => app.once("a", () => {})).toThrow('two tasks "once a"');
    expect(() => app.once("", () => {})).toThrow("[ROBYN_TASK_INVALID]");
    app.cron("@daily", () => {}).cron("@daily", () => {});
  });

  test("a task that comes after start() is refused", async () => {
    const app = quietApp();
    await using _ = await serveApp(app);
    expect(() => app.once("late", () => {})).toThrow("[ROBYN_SEALED]");
  });
});
