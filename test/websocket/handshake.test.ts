/** What may become a WebSocket, and what is answered otherwise (RFC 6455 §4.2, RFC 9110 §15.5.22). */
import { describe, expect, test } from "bun:test";
import { HttpError, Robyn, SubRouter, t } from "robyn";
import { exchange, RawClient, request } from "../support/raw.ts";
import { silentLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { frame, handshakeHeaders, opcode, RawWebSocket } from "../support/web-socket.ts";

function without(name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(handshakeHeaders).filter(([key]) => key !== name));
}

describe("a request to a WebSocket route", () => {
  const cases: [what: string, headers: Record<string, string>, status: number, also?: object][] = [
    ["is upgraded", { ...handshakeHeaders }, 101, { upgrade: "websocket" }],
    [
      "in other letters is upgraded",
      { ...handshakeHeaders, Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" },
      101,
    ],
    ["without Upgrade is 426", without("Upgrade"), 426, { upgrade: "websocket" }],
    [
      "for another protocol is 426",
      { ...handshakeHeaders, Upgrade: "h2c" },
      426,
      { upgrade: "websocket" },
    ],
    ["without Connection is 426", without("Connection"), 426],
    ["with another connection option is 426", { ...handshakeHeaders, Connection: "close" }, 426],
    [
      "of version 8 is 426",
      { ...handshakeHeaders, "Sec-WebSocket-Version": "8" },
      426,
      { "sec-websocket-version": "13" },
    ],
    [
      "without version is 426",
      without("Sec-WebSocket-Version"),
      426,
      { "sec-websocket-version": "13" },
    ],
    ["without key is 400", without("Sec-WebSocket-Key"), 400],
    ["with a short key is 400", { ...handshakeHeaders, "Sec-WebSocket-Key": "YWJj" }, 400],
    [
      "with a key of other letters is 400",
      { ...handshakeHeaders, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ!==" },
      400,
    ],
  ];
  test.each(cases)("%s", async (_, headers, status, also = {}) => {
    await using server = await serveApp(quietApp().websocket("/", {}));
    const answer = await exchange(server.port, request("GET", "/", headers));
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(also);
  });

  test("by another method is 405, HEAD is 426 as GET", async () => {
    await using server = await serveApp(quietApp().websocket("/", {}));
    const post = await exchange(server.port, request("POST", "/", handshakeHeaders));
    expect([post.status, post.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
    const head = await exchange(server.port, request("HEAD", "/", handshakeHeaders), "HEAD");
    expect(head.status).toBe(426);
  });

  test("of HTTP/1.0 is 426", async () => {
    await using server = await serveApp(quietApp().websocket("/", {}));
    const lines = Object.entries(handshakeHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await exchange(server.port, `GET / HTTP/1.0\r\n${lines.join("")}\r\n`);
    expect(answer.status).toBe(426);
  });
});

describe("a path with a GET route too", () => {
  const orders = ["GET", "WebSocket"].flatMap((first) =>
    (["zig", "portable"] as const).map((core) => ({ first, core })),
  );
  for (const { first, core } of orders) {
    test(`answers both, ${first} defined first, ${core} core, whatever their parameters are called`, async () => {
      const app = quietApp({ core });
      const get = () => app.get("/rooms/:id", ({ params }) => `plain ${params.id}`);
      const socket = () =>
        app.websocket("/rooms/:name", {
          open: (it) => void it.send(`socket ${it.params.name}`),
        });
      for (const define of first === "GET" ? [get, socket] : [socket, get]) define();
      await using server = await serveApp(app);
      using client = await RawWebSocket.connect(server.port, "/rooms/7");
      expect((await client.next()).payload.toString()).toBe("socket 7");
      const plain = await exchange(server.port, request("GET", "/rooms/7"));
      expect([plain.status, plain.text]).toEqual([200, "plain 7"]);
    });
  }

  test("that is const is not accelerated past the handshake", async () => {
    const app = quietApp()
      .get("/", { const: true }, () => "const")
      .websocket("/", {});
    await using server = await serveApp(app, { accelerator: true });
    using client = await RawWebSocket.connect(server.port, "/");
    expect(client.response.status).toBe(101);
    expect(await (await fetch(server.url())).text()).toBe("const");
  });

  test("has one WebSocket route: a second conflicts, with or without the GET route", async () => {
    const two = quietApp().websocket("/:a", {}).websocket("/:b", {});
    await expect(two.compile()).rejects.toThrow(/WebSocket \/:b .*conflicts with WebSocket \/:a/);
    const three = quietApp()
      .get("/:c", () => "")
      .websocket("/:a", {})
      .websocket("/:b", {});
    await expect(three.compile()).rejects.toThrow(/WebSocket \/:b .*conflicts with WebSocket \/:a/);
  });
});

describe("the handshake", () => {
  test("runs before hooks, which may refuse; after hooks see what is refused", async () => {
    const seen: number[] = [];
    const app = quietApp()
      .beforeRequest(({ headers }) => {
        if (headers.get("authorization") === null) throw new HttpError(401, "who are you?");
      })
      .afterRequest((response) => {
        seen.push(response.status);
        response.headers.set("x-after", "ran");
      })
      .websocket("/", {
        beforeRequest: ({ query }) =>
          query.ban === undefined ? undefined : new Response("no", { status: 451 }),
      });
    await using server = await serveApp(app);
    using stranger = await RawWebSocket.connect(server.port, "/");
    expect([stranger.response.status, stranger.response.headers["x-after"]]).toEqual([401, "ran"]);
    using banned = await RawWebSocket.connect(server.port, "/?ban", { Authorization: "x" });
    expect(banned.response.status).toBe(451);
    using client = await RawWebSocket.connect(server.port, "/", { Authorization: "x" });
    expect(client.response.status).toBe(101);
    expect(seen).toEqual([401, 451]);
  });

  test("validates before the upgrade: 422 and no socket", async () => {
    let opened = 0;
    const app = quietApp().websocket("/:id", {
      params: t.Object({ id: t.Integer() }),
      query: t.Object({ token: t.String({ minLength: 3 }) }),
      open: (it) => {
        opened++;
        it.send({ id: it.params.id });
      },
    });
    await using server = await serveApp(app);
    using wrong = await RawWebSocket.connect(server.port, "/x?token=abc");
    expect(wrong.response.status).toBe(422);
    using missing = await RawWebSocket.connect(server.port, "/7");
    expect(missing.response.status).toBe(422);
    expect(opened).toBe(0);
    using client = await RawWebSocket.connect(server.port, "/7?token=abc");
    expect((await client.next()).payload.toString()).toBe('{"id":7}');
  });

  test("gives what beforeUpgrade returns to the socket, and cookies to the client", async () => {
    const app = quietApp().websocket("/", {
      beforeUpgrade: async ({ headers, setCookie }) => {
        await Bun.sleep(0);
        setCookie("a", "1");
        setCookie("b", "2");
        return { user: headers.get("x-user") };
      },
      message: (it) => void it.send(`user ${it.data.user}`),
    });
    await using server = await serveApp(app);
    using client = await RawWebSocket.connect(server.port, "/", { "X-User": "ada" });
    expect(client.response.headers["set-cookie"]).toContain("a=1");
    expect(client.response.headers["set-cookie"]).toContain("b=2");
    client.send(frame(opcode.text, "who?"));
    expect((await client.next()).payload.toString()).toBe("user ada");
  });

  test("is refused by a Response or a status of beforeUpgrade, and by what it throws", async () => {
    const app = quietApp()
      .websocket("/response", { beforeUpgrade: () => new Response("full", { status: 503 }) })
      .websocket("/status", { beforeUpgrade: ({ status }) => status(402, "pay") })
      .websocket("/throws", {
        beforeUpgrade: () => {
          throw new Error("broken");
        },
      });
    await using server = await serveApp(app);
    for (const [path, status] of [
      ["/response", 503],
      ["/status", 402],
      ["/throws", 500],
    ] as const) {
      using client = await RawWebSocket.connect(server.port, path);
      expect([path, client.response.status]).toEqual([path, status]);
    }
  });

  test("that takes longer than the timeout is 503, and no socket comes of it", async () => {
    let opened = 0;
    const late = Promise.withResolvers<void>();
    const app = quietApp().websocket("/", {
      timeout: 0.1,
      beforeUpgrade: () => late.promise,
      open: () => opened++,
    });
    await using server = await serveApp(app);
    using client = await RawWebSocket.connect(server.port, "/");
    expect(client.response.status).toBe(503);
    late.resolve();
    await Bun.sleep(0);
    expect(opened).toBe(0);
  });

  test("happens below the prefix of a SubRouter, with its hooks", async () => {
    const hooked: string[] = [];
    const chat = new SubRouter("/chat")
      .beforeRequest(({ path }) => void hooked.push(path))
      .websocket("/:room", { open: (it) => void it.send(it.params.room) });
    await using server = await serveApp(quietApp().includeRouter(chat));
    using client = await RawWebSocket.connect(server.port, "/chat/zig");
    expect((await client.next()).payload.toString()).toBe("zig");
    expect(hooked).toEqual(["/chat/zig"]);
  });
});

describe("subprotocols", () => {
  const cases: [
    what: string,
    spoken: string[] | undefined,
    offered: string | undefined,
    agreed: string | undefined,
  ][] = [
    ["the first that the client offers and the server speaks", ["v1", "v2"], "v3, v2, v1", "v2"],
    ["none where none is common", ["v1"], "v2", undefined],
    ["none where the route speaks none", undefined, "v1", undefined],
    ["none where the client offers none", ["v1"], undefined, undefined],
  ];
  test.each(cases)("%s", async (_, protocols, offered, agreed) => {
    const app = quietApp().websocket("/", {
      ...(protocols === undefined ? {} : { protocols }),
      open: (it) => void it.send(`[${it.protocol}]`),
    });
    await using server = await serveApp(app);
    using client = await RawWebSocket.connect(
      server.port,
      "/",
      offered === undefined ? {} : { "Sec-WebSocket-Protocol": offered },
    );
    expect(client.response.headers["sec-websocket-protocol"]).toBe(agreed);
    expect((await client.next()).payload.toString()).toBe(`[${agreed ?? ""}]`);
  });
});

test("in process there is no connection to upgrade: a coded error", async () => {
  const log: string[] = [];
  const logger = {
    debug() {},
    info() {},
    warn() {},
    error: (message: string) => void log.push(message),
  };
  const app = quietApp({ logger }).websocket("/", {});
  const answer = await app.request("http://localhost/", {
    headers: { ...handshakeHeaders, host: "localhost" },
  });
  expect(answer.status).toBe(500);
  expect(log.join()).toContain("ROBYN_WEBSOCKET_UNAVAILABLE");
});

describe("mounted in a Bun.serve of somebody else", () => {
  test("sockets work with the handler of the app", async () => {
    const app = quietApp().websocket("/", { message: (it, text) => void it.send(text) });
    await using server = Bun.serve({ port: 0, fetch: app.fetch, websocket: app.webSocketHandler });
    using client = await RawWebSocket.connect(server.port!, "/");
    expect((await client.send(frame(opcode.text, "hello")).next()).payload.toString()).toBe(
      "hello",
    );
  });

  test("without it, the refusal says what is missing", async () => {
    const log: string[] = [];
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (message: string) => void log.push(message),
    };
    const app = quietApp({ logger }).websocket("/", {});
    await using server = Bun.serve({ port: 0, fetch: app.fetch });
    using client = await RawWebSocket.connect(server.port!, "/");
    expect(client.response.status).toBe(500);
    expect(log.join()).toContain("app.webSocketHandler");
  });
});

test("what a client sends right behind its handshake is frames, or ends the connection, and never a request", async () => {
  const reached: string[] = [];
  const app = quietApp()
    .get("/secret", () => void reached.push("secret"))
    .websocket("/now", { message: (it, text) => void it.send(text) })
    .websocket("/later", {
      beforeUpgrade: () => Bun.sleep(20),
      message: () => void reached.push("message"),
    });
  await using server = await serveApp(app);
  const smuggled = request("GET", "/secret");
  for (const path of ["/now", "/later"]) {
    using client = await RawClient.connect(server.port);
    client.send(request("GET", path, handshakeHeaders) + smuggled);
    await client.closes();
  }
  expect(reached).toEqual([]);
  using client = await RawClient.connect(server.port);
  const early = frame(opcode.text, "early").toString("latin1");
  client.send(Buffer.from(request("GET", "/now", handshakeHeaders) + early, "latin1"));
  await client.sees(/101 [^]*early/);
});

describe("what hooks know", () => {
  interface State {
    user: { name: string; rooms: readonly string[] };
  }
  const users: Readonly<Record<string, State["user"]>> = {
    "Bearer a": { name: "ada", rooms: ["zig"] },
  };

  test("reaches beforeUpgrade as state, and the socket as data; whom they refuse has no socket", async () => {
    const app = new Robyn<State>({ logger: silentLogger, development: false });
    const asked: string[] = [];
    app.beforeRequest("/rooms/*", async ({ headers, state, status }) => {
      await Bun.sleep(0);
      const user = users[headers.get("authorization") ?? ""];
      if (user === undefined) return status(401, "who are you?");
      state.user = user;
    });
    app.websocket("/rooms/:room", {
      beforeRequest: ({ state, params }) => void asked.push(`${state.user.name} ${params.room}`),
      beforeUpgrade({ state, params }) {
        if (!state.user.rooms.includes(params.room)) throw new HttpError(403, "not your room");
        return { user: state.user, since: 1 };
      },
      message: (socket, text) => void socket.send(`${socket.data.user.name}: ${String(text)}`),
    });
    await using server = await serveApp(app);
    const ask = (room: string, authorization: string) =>
      request("GET", `/rooms/${room}`, { ...handshakeHeaders, authorization });
    expect((await exchange(server.port, ask("zig", "Bearer x"))).status).toBe(401);
    expect((await exchange(server.port, ask("bun", "Bearer a"))).status).toBe(403);
    using client = await RawWebSocket.connect(server.port, "/rooms/zig", {
      authorization: "Bearer a",
    });
    client.send(frame(opcode.text, "hello"));
    const answer = await client.next();
    expect(answer.payload.toString()).toBe("ada: hello");
    expect(asked).toEqual(["ada bun", "ada zig"]);
  });

  test("is of one handshake: two sockets at a time do not see each other's", async () => {
    const app = new Robyn<{ name: string }>({ logger: silentLogger, development: false });
    app.beforeRequest(async ({ query, state }) => {
      state.name = String(query.name);
      await Bun.sleep(state.name === "slow" ? 20 : 0);
    });
    app.websocket("/", {
      beforeUpgrade: ({ state }) => ({ name: state.name }),
      message: (socket) => void socket.send(socket.data.name),
    });
    await using server = await serveApp(app);
    const names = ["slow", "quick", "third"];
    const clients = await Promise.all(
      names.map((name) => RawWebSocket.connect(server.port, `/?name=${name}`)),
    );
    for (const client of clients) client.send(frame(opcode.text, "who?"));
    const answers = await Promise.all(clients.map((client) => client.next()));
    expect(answers.map(({ payload }) => payload.toString())).toEqual(names);
    for (const client of clients) client[Symbol.dispose]();
  });
});
