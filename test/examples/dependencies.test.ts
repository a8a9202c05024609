/** Example 17 as a process of its own, and as an application is tested: with another database in the place of its own. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createClient } from "robyn/testing";
import { app } from "../../examples/17-dependencies/app.ts";
import { openDb } from "../../examples/17-dependencies/db.ts";
import { temporaryFolder } from "../support/folder.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(processTimeout_ms);

const ada = { authorization: "Bearer ada" };

test("in a test it works on a database in memory, and with a user who needs no token", async () => {
  using db = openDb(":memory:");
  {
    await using client = createClient(app, { headers: ada, inject: { db } });
    expect((await client.post("/todos", { json: { text: "Write docs" } })).status).toBe(201);
    expect(await (await client.get("/todos")).json()).toEqual([{ id: 1, text: "Write docs" }]);
    await until("the protocol", () => db.protocols().length > 0);
    expect(db.protocols()).toEqual(["POST /todos: Ada added 1"]);
  }
  await using client = createClient(app, { inject: { db, user: { id: 2, name: "Bob" } } });
  expect(await (await client.get("/todos")).json()).toEqual([]);
});

test("a process keeps what was done; sockets know their user; the unknown are refused", async () => {
  using folder = temporaryFolder({});
  const start = () =>
    robyn(["examples/17-dependencies/app.ts", "--port", "0"], {
      env: { TODOS_FILE: `${folder.path}/todos.sqlite` },
    });
  {
    await using child = start();
    const url = `http://127.0.0.1:${await child.port()}`;
    expect((await fetch(`${url}/todos`)).status).toBe(401);
    const socket = new WebSocket(`${url.replace("http", "ws")}/live`, { headers: ada });
    const received: unknown[] = [];
    socket.onmessage = ({ data }) => void received.push(data);
    await until("the socket", () => socket.readyState === WebSocket.OPEN);
    const posted = await fetch(`${url}/todos`, {
      method: "POST",
      headers: { ...ada, "content-type": "application/json" },
      body: JSON.stringify({ text: "Write docs" }),
    });
    expect(posted.status).toBe(201);
    await until("the message", () => received.length === 1);
    expect(received).toEqual([JSON.stringify({ id: 1, text: "Write docs" })]);
    socket.send("hi");
    await until("the answer", () => received.length === 2);
    expect(received[1]).toBe("Ada, you said hi");
    child.signal("SIGTERM");
    expect((await child.ended()).code).toBe(0);
  }
  await using again = start();
  const url = `http://127.0.0.1:${await again.port()}`;
  expect(await (await fetch(`${url}/todos`, { headers: ada })).json()).toHaveLength(1);
  expect(await (await fetch(`${url}/protocol`)).json()).toEqual(["POST /todos: Ada added 1"]);
});
