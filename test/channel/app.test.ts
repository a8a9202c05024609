/** Channels of an application: when consumers begin and end, and what the memory refuses. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Robyn, t } from "robyn";
import { limits } from "../../src/limits.ts";
import { testChannels } from "../support/channels.ts";
import { portableCore } from "../../src/native/portable.ts";
import { zigCore } from "../support/cores.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(20_000);

test("a consumer begins when the application has started, and ends before its shutdown handlers", async () => {
  const app = quietApp();
  const steps: string[] = [];
  const jobs = app.channel<number>("jobs", { batch: 10 });
  jobs.consume(async (batch) => {
    await Bun.sleep(1);
    steps.push(`batch of ${batch.length}`);
  });
  app.startupHandler(async () => {
    for (let n = 0; n < 25; n++) await jobs.send(n);
    steps.push("started");
  });
  app.shutdownHandler(() => steps.push("closed"));
  const { running } = await serveApp(app);
  await running.stop();
  expect(steps).toEqual(["started", "batch of 10", "batch of 10", "batch of 5", "closed"]);
});

test("handlers send, also in an application that is mounted", async () => {
  const app = new Robyn();
  const received: number[] = [];
  const jobs = app.channel("jobs", { schema: t.Object({ n: t.Integer() }) });
  jobs.consume((batch) => received.push(...batch.map(({ n }) => n)));
  app.post("/jobs/:n", { params: t.Object({ n: t.Integer() }) }, async ({ params, status }) => {
    await jobs.send({ n: params.n });
    return status(202);
  });
  expect((await app.request("/jobs/7", { method: "POST" })).status).toBe(202);
  await until("the job", () => received.length === 1);
  expect(received).toEqual([7]);
});

test("a channel that is made while the application runs begins at once", async () => {
  const app = quietApp();
  await using _ = await serveApp(app);
  const received: number[] = [];
  const late = app.channel<number>("late").consume((batch) => received.push(...batch));
  await late.send(1);
  await until("the message", () => received.length === 1);
});

test("a portable core says that its memory is not shared", () => {
  expect(portableCore.openSegment({ descriptor: undefined, slot: 0 }).shared).toBe(false);
});

test.skipIf(zigCore === undefined)("more channels than the limit are refused by code", async () => {
  await using made = testChannels(zigCore!);
  for (let index = 0; index < limits.channels_max; index++) {
    await made.channels.create<number>(`channel ${index}`, {}).send(index);
  }
  const late = made.channels.create<number>("one more", {});
  expect(late.send(1)).rejects.toMatchObject({ code: "ROBYN_CHANNEL_LIMIT" });
  expect(() => late.stats()).toThrow("64 channels already");
});

test.skipIf(zigCore === undefined)(
  "a listener whose slot went to another one is told",
  async () => {
    await using made = testChannels(zigCore!);
    const channel = made.channels.create<number>("events", {});
    await channel.send(1);
    const { ZigSegment } = await import("../../src/native/segment.ts");
    if (!(made.segment instanceof ZigSegment)) throw new Error("not the Zig core");
    made.segment.native.robyn_segment_claim_slot(made.segment.handle, 0);
    expect(channel.send(2)).rejects.toMatchObject({ code: "ROBYN_CHANNEL_LOST" });
    expect(() => channel.trySend(2)).toThrow("belongs to another one");
  },
);
