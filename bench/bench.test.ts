/** Keeps the benchmark from rotting: it runs tiny here, and its figures are not looked at. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findWrongAnswer } from "./harness/check.ts";
import { startServer } from "./harness/server.ts";
import { wrkMissing } from "./harness/wrk.ts";
import { measureBus, measureChannel } from "./measure/channel.ts";
import { measureBigBody } from "./measure/big-body.ts";
import { measureScenario } from "./measure/http.ts";
import { planOf } from "./plan.ts";
import { measured } from "./results.ts";
import { scenarios } from "./scenarios.ts";
import { commandOf, subjects } from "./subjects.ts";

const obstacle =
  wrkMissing ?? (existsSync("/proc/self/stat") ? undefined : "no /proc on this system");

const plans = [
  "param-10",
  "param-1000",
  "hooks",
  "metrics",
  "const",
  "json",
  "cached",
  "post",
  "post-unchecked",
];
for (const plan of [...plans, "post-response", "coercion", "static-1k", "static-1m"]) {
  test(`robyn answers every request of the plan ${plan}`, async () => {
    const server = await startServer(commandOf(subjects.robyn, plan));
    try {
      expect(await findWrongAnswer(server.origin, subjects.robyn, planOf(plan))).toBeUndefined();
    } finally {
      await server.stop();
    }
  });
}

test("a subject that answers wrongly is found out", async () => {
  const server = await startServer(commandOf(subjects.bare, "param-10"));
  try {
    const wrong = await findWrongAnswer(server.origin, subjects.bareUrl, planOf("param-10"));
    expect(wrong).toContain('answered "10001"');
  } finally {
    await server.stop();
  }
});

for (const plan of ["post", "coercion"]) {
  test(`a subject that refuses nothing is found out by the plan ${plan}`, async () => {
    const server = await startServer(commandOf(subjects.bare, `${plan}-unchecked`));
    try {
      const wrong = await findWrongAnswer(server.origin, { ...subjects.bare }, planOf(plan), 20);
      expect(wrong).toContain("not 400 or 422");
    } finally {
      await server.stop();
    }
  });
}

test("a response schema that drops nothing is found out", async () => {
  const app = Bun.serve({
    port: 0,
    fetch: async (request) => Response.json({ ...Object(await request.json()), password: "sent" }),
  });
  try {
    const origin = `http://127.0.0.1:${app.port}`;
    const wrong = await findWrongAnswer(origin, subjects.bare, planOf("post-response"), 20);
    expect(wrong).toContain("/users answered");
  } finally {
    await app.stop(true);
  }
});

test.skipIf(process.platform !== "linux")(
  "channels and IPC carry messages and are timed",
  async () => {
    const rows = await measureChannel({ rounds: 1, seconds: 0.6 });
    for (const label of ["robyn channel", "Bun IPC, JSON"]) {
      const row = measured(rows, label);
      expect(row?.messagesPerSecond).toBeGreaterThan(1_000);
      expect(row?.p99Microseconds).toBeGreaterThan(0);
    }
  },
);

test.skipIf(process.platform !== "linux")(
  "the bus of four processes loses nothing, keeps the order, and is timed",
  async () => {
    const [row] = await measureBus({ rounds: 1, seconds: 0.8 });
    if (row?.state !== "measured") throw new Error(row?.reason);
    expect(row.messagesPerSecond).toBeGreaterThan(1_000);
    expect(row.p99Microseconds).toBeGreaterThan(0);
  },
);

for (const name of ["param-10", "post", "static-1k"]) {
  test.skipIf(obstacle !== undefined)(`${name} is measured from start to table`, async () => {
    const scenario = scenarios.find((candidate) => candidate.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    // What needs no installation: the control and robyn.
    const entries = scenario.entries.filter(({ subject }) => subject.packages !== true).slice(0, 3);
    expect(entries.map(({ label }) => label)).toContain("robyn");
    // On a busy machine wrk may need a tenth of a second before its first request.
    const load = { rounds: 1, seconds: 0.4, warmUpSeconds: 0.4, connections: 8 };
    const rows = await measureScenario(scenario, entries, load);
    // A row that is not measured says why.
    expect(rows).toEqual(entries.map(() => expect.objectContaining({ state: "measured" })));
    for (const { label } of entries) {
      expect(measured(rows, label)?.figures.requestsPerSecond).toBeGreaterThan(0);
    }
  });
}

test.skipIf(!existsSync("/proc/self/stat"))("large bodies are moved and compared", async () => {
  const rows = await measureBigBody({ rounds: 1, quick: true });
  expect(rows.map(({ state, label }) => `${label}: ${state}`)).toEqual([
    "robyn upload: measured",
    "robyn upload (stream): measured",
    "bare upload (stream): measured",
    "robyn download: measured",
    "bare download: measured",
  ]);
});

test("the decision of a rate limit is measured in process", async () => {
  const file = join(import.meta.dir, "in-process", "limiter.ts");
  const child = Bun.spawn([process.execPath, file, "10", "2", "20"], { stdout: "pipe" });
  expect(Number(await new Response(child.stdout).text())).toBeGreaterThan(0);
  expect(await child.exited).toBe(0);
});

test.each(["bare", "robyn", "metrics"])(
  "a validated POST is measured in process: %s",
  async (subject) => {
    const file = join(import.meta.dir, "in-process", "post.ts");
    const child = Bun.spawn([process.execPath, file, subject, "20"], { stdout: "pipe" });
    expect(Number(await new Response(child.stdout).text())).toBeGreaterThan(0);
    expect(await child.exited).toBe(0);
  },
);
