// A chat with rooms: a page, one WebSocket per visitor, messages checked by a schema, and news for those who only read.
// Run it: bunx robyn examples/13-chat/app.ts --processes 2, then open http://127.0.0.1:8080 in two windows. Each of them may
// be connected to another process; nobody can tell.
import { Robyn, sse, t } from "robyn";

const app = new Robyn();

const Say = t.Object({ text: t.String({ minLength: 1, maxLength: 500 }) });
const Event = t.Object({
  kind: t.Union([t.Literal("said"), t.Literal("came"), t.Literal("left"), t.Literal("refused")]),
  name: t.String(),
  text: t.String(),
});

app.get("/", () => Bun.file(`${import.meta.dir}/page.html`));

// What the page talks with, bundled once: robyn/client is made for browsers, too.
app.get("/client.js", { const: true }, async () => {
  const entrypoints = [Bun.resolveSync("robyn/client", import.meta.dir)];
  const { outputs } = await Bun.build({ entrypoints, target: "browser", minify: true });
  const headers = { "content-type": "text/javascript; charset=utf-8" };
  return new Response(await outputs[0]?.text(), { headers });
});

// The path has a page and a socket: whoever asks for a WebSocket gets one.
app.get("/rooms/:room", () => Bun.file(`${import.meta.dir}/page.html`));

// Its type tells clients in TypeScript what may be said: createClient<typeof rooms>(url).connect("/rooms/:room", …)
export const rooms = app.websocket("/rooms/:room", {
  schema: Say,
  response: Event,
  query: t.Object({ name: t.String({ minLength: 1, maxLength: 20 }) }),
  beforeUpgrade: ({ query }) => ({ name: query.name }),
  open(socket) {
    socket.subscribe(socket.params.room, { as: { name: socket.data.name } });
    socket.publish(
      socket.params.room,
      { kind: "came", name: socket.data.name, text: "" },
      { self: true },
    );
  },
  message(socket, { text }) {
    socket.publish(
      socket.params.room,
      { kind: "said", name: socket.data.name, text },
      { self: true },
    );
  },
  close(socket) {
    app.publish(socket.params.room, { kind: "left", name: socket.data.name, text: "" });
  },
  error(socket, error) {
    // An invalid message is the client's mistake: it is told, and may go on.
    socket.send({ kind: "refused", name: socket.data.name, text: String(error) });
  },
});

// Who is there, in all processes: what each socket subscribed `as`.
app.get("/rooms/:room/members", ({ params }) => app.presence(params.room));

// The same topic as an event stream: curl -N http://127.0.0.1:8080/rooms/lobby/log
app.get("/rooms/:room/log", ({ params }) => sse.subscribe(params.room));

// Anything can speak in a room: curl -d "Lunch!" http://127.0.0.1:8080/rooms/lobby/say
app.post("/rooms/:room/say", async ({ params, text }) => {
  app.publish(params.room, { kind: "said", name: "server", text: await text() });
  return null;
});

export default app;
