/** Every example is run as its first comment says, and answers what it shows. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Starts `robyn examples/<name>/app.ts` on a free port; the banner tells where. */
async function run(name: string, env: Record<string, string> = {}): Promise<string> {
  const child = Bun.spawn(
    [process.execPath, "bin/robyn.ts", `examples/${name}/app.ts`, "--port", "0"],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  stops.push(() => {
    child.kill();
    return child.exited;
  });
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    const url = /http:\/\/\S+/.exec(output);
    if (url !== null) return url[0].replace(/\/$/, "");
  }
  throw new Error(`${name} printed no URL: ${output}`);
}

test("01 hello says hello", async () => {
  const url = await run("01-hello");
  expect(await (await fetch(url)).text()).toBe("Hello, world");
});

test("02 path parameters are typed, decoded and ordered by precedence", async () => {
  const url = await run("02-path-parameters");
  expect(await (await fetch(`${url}/users/a%20b`)).json()).toEqual({ id: "a b" });
  expect(await (await fetch(`${url}/users/me`)).json()).toEqual({ id: "me" });
  expect(await (await fetch(`${url}/orders/2026/17`)).json()).toEqual({ year: 2026, number: "17" });
  expect((await fetch(`${url}/orders/soon/17`)).status).toBe(400);
  expect(await (await fetch(`${url}/files/a/b.txt`)).text()).toBe("you asked for a/b.txt");
  expect(await (await fetch(`${url}/search?text=x&tag=a&tag=b`)).json()).toEqual({
    text: "x",
    tags: ["a", "b"],
  });
});

test("03 const answers are computed once, tagged and compressed", async () => {
  const url = await run("03-const");
  const health = await fetch(`${url}/health`);
  expect(await health.json()).toEqual({ status: "healthy" });
  const again = await fetch(`${url}/health`, {
    headers: { "if-none-match": health.headers.get("etag")! },
  });
  expect(again.status).toBe(304);
  const about = await fetch(`${url}/about`, { headers: { "accept-encoding": "br" } });
  expect(about.headers.get("content-encoding")).toBe("br");
  expect(await about.text()).toContain("<title>About</title>");
  expect((await fetch(`${url}/legacy/anything`)).status).toBe(410);
});

test("04 hooks time every answer and guard a pattern", async () => {
  const url = await run("04-hooks");
  expect((await fetch(`${url}/nowhere`)).headers.get("server-timing")).toStartWith("app;dur=");
  const refused = await fetch(`${url}/account`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  const admitted = await fetch(`${url}/account`, {
    headers: { authorization: "Bearer let-me-in" },
  });
  expect(await admitted.json()).toEqual({ user: "ada" });
  expect((await fetch(`${url}/maintenance`)).status).toBe(503);
});

test("05 sub-routers have prefixes, parameters and hooks of their own", async () => {
  const url = await run("05-sub-routers");
  expect(await (await fetch(`${url}/teams/red`)).json()).toEqual({ team: "red" });
  expect(await (await fetch(`${url}/teams/red/members/ada`)).json()).toEqual({ member: "ada" });
  expect((await fetch(`${url}/teams/ghosts/members`)).status).toBe(404);
  expect((await fetch(`${url}/admin/stats`)).status).toBe(403);
  const headers = { "x-admin": "yes" };
  expect(await (await fetch(`${url}/admin/stats`, { headers })).json()).toEqual({ requests: 42 });
  expect(await (await fetch(`${url}/admin/fragile`, { headers })).json()).toEqual({
    recovered: "out of range",
  });
});

test("06 notes are created, searched, changed and deleted, and survive a restart", async () => {
  const directory = mkdtempSync(join(tmpdir(), "notes-"));
  stops.push(async () => rmSync(directory, { recursive: true }));
  const env = { NOTES_FILE: join(directory, "notes.sqlite") };
  const url = await run("06-notes", env);
  const send = (method: string, path: string, body?: unknown) =>
    fetch(url + path, { method, body: body === undefined ? undefined : JSON.stringify(body) });

  const created = await send("POST", "/notes", { title: "100% milk", text: "two litres" });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as { id: number };
  await send("POST", "/notes", { title: "Bread", text: "rye" });
  const found = await fetch(`${url}/notes?search=${encodeURIComponent("100%")}`);
  expect(await found.json()).toHaveLength(1);
  expect(found.headers.get("cache-control")).toBe("no-store");
  expect((await send("PUT", `/notes/${id}`, { title: "Milk", text: "one litre" })).status).toBe(
    200,
  );
  expect((await send("PUT", `/notes/${id}`, { title: "" })).status).toBe(422);
  expect((await send("POST", "/notes")).status).toBe(400);
  expect((await send("DELETE", `/notes/${id}`)).status).toBe(204);
  expect((await send("DELETE", `/notes/${id}`)).status).toBe(404);
  expect((await send("GET", "/notes/x")).status).toBe(404);
  expect((await send("PATCH", "/notes")).headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");

  await stops.pop()!();
  const second = await run("06-notes", env);
  expect(await (await fetch(`${second}/notes`)).json()).toMatchObject([{ title: "Bread" }]);
});
