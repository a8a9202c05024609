/** Keeps the benchmark from rotting: it runs tiny here, and its figures are not looked at. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { findWrongAnswer } from "./harness/check.ts";
import { startServer } from "./harness/server.ts";
import { wrkMissing } from "./harness/wrk.ts";
import { measureChannel } from "./measure/channel.ts";
import { measureScenario } from "./measure/http.ts";
import { planOf } from "./plan.ts";
import { measured } from "./results.ts";
import { scenarios } from "./scenarios.ts";
import { commandOf, subjects } from "./subjects.ts";

const obstacle =
  wrkMissing ?? (existsSync("/proc/self/stat") ? undefined : "no /proc on this system");

for (const plan of ["param-10", "param-1000", "hooks", "const", "json"]) {
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

test.skipIf(obstacle !== undefined)("a scenario is measured from start to table", async () => {
  const scenario = scenarios.find(({ name }) => name === "param-10");
  if (scenario === undefined) throw new Error("there is no scenario param-10");
  const entries = scenario.entries.filter(({ subject }) => ["bare", "robyn"].includes(subject.id));
  const load = { rounds: 1, seconds: 0.3, warmUpSeconds: 0.1, connections: 8 };
  const rows = await measureScenario(scenario, entries, load);
  for (const { label } of entries) {
    expect(measured(rows, label)?.figures.requestsPerSecond).toBeGreaterThan(0);
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
