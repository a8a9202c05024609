/** Example 14, run as its first comment says: by raw event streams, and in a browser where one is installed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chromium, Page } from "../support/chromium.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

if (chromium === null)
  console.warn('example 14 is not opened in a browser: there is no "chromium" in PATH');

function start(): Child {
  return robyn(["examples/14-dashboard/app.ts", "--port", "0", "--processes", "2"], {
    env: { SAMPLE_INTERVAL: "100" },
  });
}

const order = (port: number, amount: unknown) =>
  fetch(`http://127.0.0.1:${port}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ amount }),
  });

test.skipIf(process.platform !== "linux")(
  "14 shows the job's figures and the orders of both processes on every stream",
  async () => {
    await using child = start();
    const port = await child.port();
    const streams = await Promise.all(Array.from({ length: 4 }, () => RawClient.connect(port)));
    for (const stream of streams) {
      stream.send(request("GET", "/figures"));
      await stream.sees(/"kind":"machine","load":[\d.]+,"from":\d/);
    }
    await until("an order by each process", async () => {
      expect((await order(port, 25)).status).toBe(202);
      return [0, 1].every((it) => streams[0]!.received.includes(`"amount":25,"from":${it}}`));
    });
    expect((await order(port, -1)).status).toBe(422);
    const orders = (text: string) => text.match(/"kind":"order"/g)?.length;
    const expected = orders(streams[0]!.received);
    await until("the same everywhere", () =>
      streams.every(({ received }) => orders(received) === expected),
    );
    // One job in the cluster: its figures come from one process.
    const jobs = new Set(
      streams[0]!.received.match(/"load":[\d.]+,"from":\d/g)?.map((it) => it.at(-1)),
    );
    expect(jobs.size).toBe(1);
    child.signal("SIGTERM");
    for (const stream of streams) await stream.closes();
    expect((await child.ended()).code).toBe(0);
  },
);

test.skipIf(chromium === null || process.platform !== "linux")(
  "14 runs in a headless Chromium",
  async () => {
    await using child = start();
    const port = await child.port();
    await using page = await Page.open(`http://127.0.0.1:${port}/`);
    await page.shows(/Load <output id="load">[\d.]+</);
    await page.shows(/<p id="state">connected<\/p>/);
    let shown = "";
    let count = 0;
    await until(
      () => `an order by each process; the page is ${shown}`,
      async () => {
        expect((await order(port, 25)).status).toBe(202);
        count++;
        shown = await page.html();
        return [0, 1].every((index) => shown.includes(`<li>25 by process ${index}</li>`));
      },
      processTimeout_ms,
    );
    // Counted here, not on the page: the last ones may still be on their way to it.
    await page.shows(
      new RegExp(`<output id="orders">${count}</output> orders, <output id="total">${25 * count}<`),
    );
  },
);
