/** Example 13, run as its first comment says; and opened in a browser, where one is installed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { ClientSocket } from "../support/client-socket.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

const chromium = Bun.which("chromium") ?? Bun.which("chromium-browser");
if (chromium === null)
  console.warn('example 13 is not opened in a browser: there is no "chromium" in PATH');

function start(): Child {
  return robyn(["examples/13-chat/app.ts", "--port", "0"]);
}

test("13 carries what is said to everybody in the room, and to nobody else", async () => {
  await using child = start();
  const port = await child.port();
  using log = await RawClient.connect(port);
  log.send(request("GET", "/rooms/zig/log"));
  await log.sees(/:\n\n/);

  using ada = await ClientSocket.connect(port, "/rooms/zig?name=ada");
  await ada.receives(1);
  using bob = await ClientSocket.connect(port, "/rooms/zig?name=bob");
  using eve = await ClientSocket.connect(port, "/rooms/bun?name=eve");
  await ada.receives(2);
  ada.send('{"text":"hello"}').send('{"text":""}').send("nonsense");
  await ada.receives(5);
  await fetch(`http://127.0.0.1:${port}/rooms/zig/say`, { method: "POST", body: "Lunch!" });
  await ada.receives(6);
  bob.close();
  await ada.receives(7);

  const heard = (client: ClientSocket) =>
    client.messages.map((text) => {
      const { kind, name } = JSON.parse(String(text)) as { kind: string; name: string };
      return `${name} ${kind}`;
    });
  expect(heard(ada)).toEqual([
    "ada came",
    "bob came",
    "ada said",
    "ada refused",
    "ada refused",
    "server said",
    "bob left",
  ]);
  expect(heard(bob)).toEqual(["bob came", "ada said", "server said"]);
  expect(heard(eve)).toEqual(["eve came"]);
  await log.sees(/data: \{"kind":"left","name":"bob","text":""\}/);

  const nameless = await fetch(`http://127.0.0.1:${port}/rooms/zig`);
  expect(await nameless.text()).toContain("<h1>Room");
  expect(ClientSocket.connect(port, "/rooms/zig")).rejects.toThrow();

  child.signal("SIGTERM");
  expect((await within("a close", ada.closed)).code).toBe(1001);
  expect((await child.ended()).code).toBe(0);
});

test.skipIf(chromium === null)("13 runs in a headless Chromium", async () => {
  await using child = start();
  const port = await child.port();
  using witness = await ClientSocket.connect(port, "/rooms/web?name=witness");
  await witness.receives(1);
  const profile = mkdtempSync(join(tmpdir(), "robyn-chromium-"));
  const page = Bun.spawn(
    [
      chromium!,
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
      "--virtual-time-budget=10000",
      "--dump-dom",
      `http://127.0.0.1:${port}/rooms/web?name=%3Cb%3Eweb`,
    ],
    { stdout: "pipe", stderr: "ignore", timeout: processTimeout_ms },
  );
  try {
    // The page's own Origin was let in, and what others say reaches it while it is open.
    await until("the page to come", () => witness.messages.length >= 2, processTimeout_ms);
    witness.send('{"text":"hello <i>page</i>"}');
    const document = await page.stdout.text();
    expect(document).toContain('<output id="room">web</output>');
    expect(document).toContain("<li>&lt;b&gt;web came</li>");
    expect(JSON.parse(String(witness.messages[1]))).toMatchObject({ kind: "came", name: "<b>web" });
  } finally {
    page.kill();
    await page.exited;
    rmSync(profile, { recursive: true, force: true });
  }
});
