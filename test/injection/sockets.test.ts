/** Injected names at the handshake, and on the socket for as long as it is open. */
import { expect, test } from "bun:test";
import { HttpError, perApp, perRequest, SubRouter } from "robyn";
import { createClient } from "robyn/testing";
import { recordingLogger } from "../support/log.ts";
import { quietApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";

const loggedIn = perRequest(({ headers }) => headers.get("x-user") ?? "nobody");

test("hooks and beforeUpgrade see the same values as the functions of the socket", async () => {
  const seen: unknown[] = [];
  let made = 0;
  type Names = { db: { name: string } };
  const outer = new SubRouter<"/chat", Record<string, unknown>, Names>("/chat");
  const chat = outer.inject({ user: loggedIn, number: perRequest(() => ++made) });
  chat.beforeRequest(({ user }) => void seen.push(["hook", user]));
  chat.websocket("/:room", {
    beforeUpgrade: ({ user, number }) => `${user} ${number}`,
    open: (socket) => {
      seen.push(["open", socket.data, socket.user, socket.number]);
    },
    message(socket, message) {
      seen.push(["message", message, socket.user, socket.number]);
      throw new Error("on purpose");
    },
    error: (socket) => void socket.send(`sorry, ${socket.user}`),
    close: (socket) => void seen.push(["close", socket.user, socket.db.name]),
  });
  const app = quietApp()
    .inject({ db: perApp(() => ({ name: "db" })) })
    .includeRouter(chat);
  await using client = createClient(app);
  using socket = await client.websocket("/chat/zig", { headers: { "x-user": "ann" } });
  expect(await socket.send("hi").next()).toBe("sorry, ann");
  await socket.close();
  await until("close", () => seen.length === 4);
  expect(seen).toEqual([
    ["hook", "ann"],
    ["open", "ann 1", "ann", 1],
    ["message", "hi", "ann", 1],
    ["close", "ann", "db"],
  ]);
});

test("a handler that reads its messages itself has them, and they go when it is done", async () => {
  const events: string[] = [];
  const tool = perRequest(async () => "tool", { dispose: () => void events.push("end tool") });
  const app = quietApp()
    .inject({ tool })
    .websocket(
      "/",
      {
        async close() {
          await Bun.sleep(2);
          events.push("close");
        },
      },
      async function* (socket) {
        for await (const message of socket) yield `${await socket.tool} ${String(message)}`;
        await Bun.sleep(4);
        events.push("handler");
      },
    );
  await using client = createClient(app);
  using socket = await client.websocket("/");
  expect(await socket.send("1").next()).toBe("tool 1");
  await socket.close();
  await until("the end", () => events.length === 3);
  expect(events).toEqual(["close", "handler", "end tool"]);
});

test("what is first asked for on the socket still finds the headers of its handshake, and goes with it", async () => {
  const events: string[] = [];
  const app = quietApp()
    .inject({ user: perRequest(({ headers }) => headers.get("x-user"), { dispose: gone }) })
    .websocket("/", { message: (socket) => void socket.send(String(socket.user)) });
  function gone(user: string | null): void {
    events.push(`end ${user}`);
  }
  await using client = createClient(app);
  using socket = await client.websocket("/", { headers: { "x-user": "ann" } });
  await client.get("/none");
  expect(await socket.send("").next()).toBe("ann");
  expect(events).toEqual([]);
  // A server that stops waits for it.
  await client.close();
  expect(events).toEqual(["end ann"]);
});

test("refused handshakes let go at once", async () => {
  const events: string[] = [];
  const user = perRequest(({ query }) => String(query.as), {
    dispose: (value) => void events.push(`end ${value}`),
  });
  const app = quietApp().inject({ user });
  app.beforeRequest(({ user, status }) => (user === "guest" ? status(401) : undefined));
  app.websocket("/", {
    async beforeUpgrade({ user, status }) {
      if (user === "bob") return status(403, "not you");
      if (user === "eve") throw new HttpError(404);
      await Bun.sleep(1);
      return user;
    },
  });
  await using client = createClient(app);
  for (const [name, status] of [
    ["guest", 401],
    ["bob", 403],
    ["eve", 404],
  ] as const) {
    const refused = client.websocket(`/?as=${name}`);
    await expect(refused).rejects.toMatchObject({ status });
    await until("the end", () => events.at(-1) === `end ${name}`);
  }
  expect((await client.get("/?as=no-socket")).status).toBe(426);
  await until("the end", () => events.at(-1) === "end no-socket");
  using socket = await client.websocket("/?as=ann");
  expect(events).toHaveLength(4);
  await socket.close();
  await until("the end", () => events.at(-1) === "end ann");
  expect(events).toHaveLength(5);
});

test("a value that cannot be made for a socket reaches its error function, and the log", async () => {
  const logger = recordingLogger();
  const app = quietApp({ logger })
    .inject({
      broken: perRequest((): string => {
        throw new Error("no such thing");
      }),
    })
    .websocket("/", {
      message: (socket) => void socket.send(socket.broken),
      error: (socket, error) => void socket.send((error as Error).message),
    });
  await using client = createClient(app);
  using socket = await client.websocket("/");
  expect(await socket.send("").next()).toBe("no such thing");
  expect(logger.errors()).toContain("no such thing");
});

test("a path that is a page and a socket has the names for both", async () => {
  const app = quietApp().inject({ user: loggedIn });
  app.get("/:page", ({ user, params }) => `${user} ${params.page}`);
  app.websocket("/:room", { open: (socket) => void socket.send(`${socket.user} in a room`) });
  await using client = createClient(app, { headers: { "x-user": "ann" }, socket: true });
  expect(await (await client.get("/a")).text()).toBe("ann a");
  using socket = await client.websocket("/a");
  expect(await socket.next()).toBe("ann in a room");
});
