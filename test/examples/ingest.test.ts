/** Example 15, run as its first comment says: what was accepted is stored, also across SIGTERM. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { temporaryFolder } from "../support/folder.ts";
import { bun, processTimeout_ms, robyn } from "../support/process.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

test("15 accepts events, stores them in batches, and stores all of them before it ends", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "events.sqlite");
  await using child = robyn(["examples/15-ingest/app.ts", "--port", "0"], {
    env: { EVENTS_FILE: file },
  });
  const url = `http://127.0.0.1:${await child.port()}`;
  const send = (body: unknown) =>
    fetch(`${url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const accepted = await send({ kind: "temperature", value: 21.5 });
  expect(accepted.status).toBe(202);
  expect((await send({ kind: "temperature", value: "warm" })).status).toBe(422);
  const counts = async () => (await fetch(`${url}/events/count`)).text();
  await until("the event", async () => (await counts()) === '{"stored":1,"waiting":0}');
  expect(await (await fetch(`${url}/events/channel`)).json()).toMatchObject({
    capacity: 20_000,
    consumed: true,
  });

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, value) => send({ kind: "load", value })),
  );
  expect(answers.every(({ status }) => status === 202)).toBe(true);
  child.signal("SIGTERM");
  expect((await child.ended()).code).toBe(0);
  using database = new Database(file, { readonly: true });
  const query = database.query<{ count: number; total: number }, []>(
    "SELECT count(*) AS count, sum(value) AS total FROM event WHERE kind = 'load'",
  );
  expect(query.get()).toEqual({ count: 200, total: 19_900 });
});

test.skipIf(process.platform !== "linux")(
  "15 in three processes: whoever accepts, one writes, and nothing is left when all of them stop",
  async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, "events.sqlite");
    await using child = robyn(["examples/15-ingest/app.ts", "--port", "0", "--processes", "3"], {
      env: { EVENTS_FILE: file },
    });
    const url = `http://127.0.0.1:${await child.port()}/events`;
    const statuses = await Promise.all(
      Array.from({ length: 600 }, async (_, value) => {
        // A connection each, so that the kernel spreads them.
        const headers = { "content-type": "application/json", connection: "close" };
        const body = JSON.stringify({ kind: "load", value });
        return (await fetch(url, { method: "POST", headers, body })).status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([202]));
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
    using database = new Database(file, { readonly: true });
    const query = database.query<{ count: number }, []>("SELECT count(*) AS count FROM event");
    expect(query.get()).toEqual({ count: 600 });
  },
);

test.skipIf(process.platform !== "linux")(
  "15 is measured with and without the channel",
  async () => {
    await using child = bun(["examples/15-ingest/measure.ts", "0.3"]);
    const { code, stdout, stderr } = await child.ended();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/direct[^]*channel/);
  },
);
