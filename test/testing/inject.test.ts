/** Tests that put other values in the place of injected ones. */
import { describe, expect, test } from "bun:test";
import { perApp, perRequest, SubRouter } from "robyn";
import { createClient } from "robyn/testing";
import { quietApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

function shop() {
  const events: string[] = [];
  const inner = new SubRouter("/inner").inject({ rate: 2 }).get("/", ({ rate }) => rate);
  const app = quietApp()
    .injectGlobal({
      db: perApp(
        () => {
          events.push("open");
          return { name: "real" };
        },
        { dispose: ({ name }) => void events.push(`close ${name}`) },
      ),
    })
    .inject({ user: perRequest(({ headers, db }) => `${headers.get("x-user")} of ${db.name}`) })
    .includeRouter(inner)
    .get("/", ({ user }) => user)
    .websocket("/socket", {
      open: (socket) => void socket.send(`${socket.user} ${socket.db.name}`),
    });
  return { app, events };
}

describe.each([false, true])("with socket: %p", (socket) => {
  test("a value stands for one that is then never made", async () => {
    const { app, events } = shop();
    const headers = { "x-user": "ann" };
    await using client = createClient(app, { socket, headers, inject: { db: { name: "fake" } } });
    expect(await (await client.get("/")).text()).toBe("ann of fake");
    expect(await (await client.get("/inner")).json()).toBe(2);
    expect(events).toEqual([]);
  });

  test("so does a provider, and what it makes goes with the client", async () => {
    const { app, events } = shop();
    const inject = {
      user: perRequest(({ query }) => `guest ${String(query.as)}`, {
        dispose: (user) => void events.push(user),
      }),
      db: perApp(async () => ({ name: "memory" }), {
        dispose: () => void events.push("forgotten"),
      }),
      rate: 3,
    };
    {
      await using client = createClient(app, { socket, inject });
      expect(await (await client.get("/?as=7")).text()).toBe("guest 7");
      expect(await (await client.get("/inner")).json()).toBe(3);
      await until("the end of the request", () => events.length === 1);
    }
    expect(events).toEqual(["guest 7", "forgotten"]);
  });
});

test("sockets see the same", async () => {
  const { app } = shop();
  await using client = createClient(app, { inject: { user: "nobody", db: { name: "fake" } } });
  using socket = await client.websocket("/socket");
  expect(await socket.next()).toBe("nobody fake");
});

test("in process one client follows another, and in the end everything is real again", async () => {
  const { app, events } = shop();
  for (const name of ["one", "two"]) {
    await using client = createClient(app, { inject: { db: { name } } });
    expect(await (await client.get("/")).text()).toBe(`null of ${name}`);
    expect(() => createClient(app, { inject: { db: 1 } })).toThrow("another client has replaced");
    await using other = createClient(app, { inject: { rate: 9 } });
    expect(await (await other.get("/inner")).json()).toBe(9);
  }
  expect(events).toEqual([]);
  expect(await (await app.request("/")).text()).toBe("null of real");
  expect(await (await app.request("/inner")).json()).toBe(2);
  expect(events).toEqual(["open"]);
  await app[Symbol.asyncDispose]();
  expect(events).toEqual(["open", "close real"]);
});

test("what the application does not inject is refused by name", () => {
  const { app } = shop();
  expect(() => createClient(app, { inject: { dbb: 1 } })).toThrow("It injects db, user, rate.");
  const { app: other } = shop();
  const inject = { db: perRequest(() => 1) };
  expect(() => createClient(other, { inject })).toThrow("ROBYN_INJECTION_INVALID");
});
