/** Example 09, run as its first comment says, over real sockets. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";

setDefaultTimeout(processTimeout_ms);

test("09 ticks, resumes after Last-Event-ID, notices listeners that leave, and ends them on SIGTERM", async () => {
  const path = "examples/09-server-sent-events/app.ts";
  await using child = robyn([path, "--port", "0"], { env: { TICK_INTERVAL: "20" } });
  const port = await child.port();

  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(page.headers.get("content-type")).toStartWith("text/html");
  expect(await page.text()).toContain('new EventSource("/ticks")');

  using first = await RawClient.connect(port);
  first.send(request("GET", "/ticks"));
  await first.sees(/event: tick\nid: 1\ndata: \{"tick":1,"time":"[^"]+"\}\n\n/);
  await first.sees(/id: 3\n/);
  first.vanish();
  await child.prints(/a listener leaves/);

  using second = await RawClient.connect(port);
  second.send(request("GET", "/ticks", { "Last-Event-ID": "41" }));
  await second.sees(/id: 42\n/);
  expect(second.received).not.toMatch(/id: (?:[1-9]|4[01])\n/);

  using liar = await RawClient.connect(port);
  liar.send(request("GET", "/ticks", { "Last-Event-ID": "-7; drop" }));
  await liar.sees(/id: 1\n/);

  child.signal("SIGTERM");
  await second.closes();
  expect(second.received).toEndWith("0\r\n\r\n");
  const { code, stdout } = await child.ended();
  expect(code).toBe(0);
  expect(stdout.match(/a listener leaves/g)).toHaveLength(3);
});
