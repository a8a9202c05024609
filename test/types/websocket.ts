/** WebSocket routes are typed by their path, their schemas and what `beforeUpgrade` returns. */
import { Robyn, SubRouter, t } from "../../src/index.ts";
import { type Equal, expectType } from "./equal.ts";

interface State {
  user: { name: string };
}

/** What hooks leave in the state of a handshake, becomes the data of the socket. */
export function socketsWithState(): void {
  const app = new Robyn<State>();
  app.websocket("/state/:room", {
    beforeRequest({ state }) {
      expectType<Equal<typeof state, State>>();
    },
    beforeUpgrade({ state, params }) {
      expectType<Equal<typeof state, State>>();
      return { user: state.user, room: params.room };
    },
    open(socket) {
      expectType<Equal<typeof socket.data, { user: { name: string }; room: string }>>();
    },
  });
}

export function sockets(app: Robyn): void {
  app.websocket("/plain/:room", {
    open(socket) {
      expectType<Equal<typeof socket.data, undefined>>();
      socket.params.room satisfies string;
      // @ts-expect-error no parameter has this name
      void socket.params.rom;
    },
    message(socket, message) {
      expectType<Equal<typeof message, string | Uint8Array>>();
      socket.send({ anything: true });
    },
    close(_, code, reason) {
      expectType<Equal<[typeof code, typeof reason], [number, string]>>();
    },
    error(_, error) {
      expectType<Equal<typeof error, unknown>>();
    },
  });

  app.websocket("/typed/:id", {
    params: t.Object({ id: t.Integer() }),
    query: t.Object({ since: t.Optional(t.Integer()) }),
    schema: t.Object({ text: t.String() }),
    response: t.Object({ sum: t.Integer() }),
    beforeUpgrade: async ({ params, query, status, headers }) => {
      expectType<Equal<typeof params.id, number>>();
      expectType<Equal<typeof query.since, number | undefined>>();
      if (headers.get("authorization") === null) return status(401, "who are you?");
      if (query.since === 0) return new Response("too old", { status: 410 });
      return { user: "ada", since: query.since };
    },
    message(socket, message) {
      expectType<Equal<typeof message, { text: string }>>();
      expectType<Equal<typeof socket.data.user, string>>();
      expectType<Equal<typeof socket.params.id, number>>();
      socket.send({ sum: 1 });
      // @ts-expect-error the answer has another shape
      socket.send({ text: "x" });
      // @ts-expect-error so has what is published
      socket.publish("topic", "x");
      // @ts-expect-error data has no such member
      void socket.data.name;
    },
  });

  app.websocket("/loop/:id", { schema: t.Integer() }, async (socket) => {
    for await (const message of socket) expectType<Equal<typeof message, number>>();
    expectType<Equal<typeof socket.params.id, string>>();
  });
  app.websocket("/yields", { response: t.String() }, async function* (socket) {
    for await (const _ of socket) yield "text";
  });

  // @ts-expect-error it yields what its schema does not allow
  app.websocket("/yields-wrongly", { response: t.String() }, async function* () {
    yield 1;
  });
  // @ts-expect-error a socket without options
  app.websocket("/none");
  // @ts-expect-error a handler is no option
  app.websocket("/handler", async () => {});
  // @ts-expect-error messages are taken by one of them
  app.websocket("/both", { message() {} }, async () => {});
  // @ts-expect-error a mistyped option
  app.websocket("/mistyped", { mesage() {} });
  // @ts-expect-error an option of the whole app
  app.websocket("/timeout", { idleTimeout: 10 });
}

export function socketsBelow(): SubRouter<"/teams/:team"> {
  return new SubRouter("/teams/:team").websocket("/chat/:room", {
    open({ params }) {
      expectType<Equal<[typeof params.team, typeof params.room], [string, string]>>();
    },
  });
}
