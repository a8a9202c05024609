/** Example 13, run as its first comment says; and opened in a browser, where one is installed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { chromium, Page } from "../support/chromium.ts";
import { ClientSocket } from "../support/client-socket.ts";
import { type Child, processTimeout_ms, robyn } from "../support/process.ts";
import { RawClient, request } from "../support/raw.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(2 * processTimeout_ms);

if (chromium === null)
  console.warn('example 13 is not opened in a browser: there is no "chromium" in PATH');

function start(...more: string[]): Child {
  return robyn(["examples/13-chat/app.ts", "--port", "0", ...more]);
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
  await bob.receives(3);
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

test.skipIf(chromium === null || process.platform !== "linux")(
  "13 runs in a headless Chromium and two processes: the page sees who is there and what is said in both",
  async () => {
    await using child = start("--processes", "2");
    const port = await child.port();
    const witnesses = await inBothProcesses(port);
    const [one, other] = witnesses;
    const url = `http://127.0.0.1:${port}/rooms/web?name=%3Cb%3Eweb`;
    await using page = await Page.open(url);
    await page.shows(/<li>&lt;b&gt;web came<\/li>/);
    one!.send('{"text":"hello <i>page</i>"}');
    other!.send('{"text":"hello from the other"}');
    // The page's own Origin was let in, and what others say reaches it from both processes; nobody's words become markup.
    await page.shows(/<li>witness 0: hello &lt;i&gt;page&lt;\/i&gt;<\/li>/);
    await page.shows(/<li>witness 1: hello from the other<\/li>/);
    await page.shows(/<output id="members">&lt;b&gt;web, witness 0, witness 1<\/output>/);
    await page.evaluate(
      `document.getElementById("text").value = "typed"; document.querySelector("button").click()`,
    );
    await until("what the page says", () =>
      witnesses.every(({ messages }) => messages.some((it) => String(it).includes("typed"))),
    );
    other!.close();
    await page.shows(/<output id="members">&lt;b&gt;web, witness 0<\/output>/);
    expect(await page.html()).toContain('<output id="room">web</output>');
  },
);

/** Two in the room, each in another process: what an id begins with is its process. */
async function inBothProcesses(port: number): Promise<ClientSocket[]> {
  const kept: ClientSocket[] = [];
  await until("a socket in each process", async () => {
    const one = await ClientSocket.connect(port, `/rooms/web?name=witness ${kept.length}`);
    kept.push(one);
    const homes = await until("its presence", async () => {
      const response = await fetch(`http://127.0.0.1:${port}/rooms/web/members`);
      const { members } = (await response.json()) as { members: { id: string }[] };
      const ids = members.map(({ id }) => id.slice(0, id.indexOf("-")));
      return ids.length === kept.length && ids;
    });
    if (new Set(homes).size === kept.length) return kept.length === 2;
    kept.pop()!.close();
    return false;
  });
  return kept;
}
