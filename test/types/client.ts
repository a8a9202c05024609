/** The client knows the WebSocket routes of an application by its type. */
import { Robyn, SubRouter, t } from "../../src/index.ts";
import { createClient, type FromJson } from "../../src/client/index.ts";
import { type Equal, expectType } from "./equal.ts";

const Say = t.Object({ text: t.String() });
const Event = t.Object({ kind: t.Literal("said"), from: t.String() });

function application() {
  const teams = new SubRouter("/teams/:team")
    .websocket("/chat", { schema: Say, response: Event })
    .websocket("/", { response: t.Integer() });
  return new Robyn()
    .get("/", () => "page")
    .websocket("/rooms/:room", {
      schema: Say,
      response: Event,
      query: t.Object({ name: t.String() }),
    })
    .websocket("/plain", {})
    .websocket("/loop", { schema: t.Integer() }, async () => {})
    .includeRouter(new SubRouter("/api").includeRouter(teams))
    .get("/later", () => "page");
}

/** Where routes are statements, what each returns knows it. */
function statement() {
  const app = new Robyn();
  const clock = app.websocket("/clock", { response: t.Object({ at: t.String() }) });
  app.get("/", () => "page");
  return clock;
}

type App = ReturnType<typeof application>;
const options = { reconnect: false, open: () => new WebSocket("ws://127.0.0.1:1") } as const;

export function sockets(): void {
  const client = createClient<App>("http://127.0.0.1:1");
  const params = { room: "zig" };
  const room = client.connect("/rooms/:room", { params, query: { name: "ada" }, ...options });
  room.on("message", (message) => {
    expectType<Equal<typeof message, { kind: "said"; from: string }>>();
  });
  room.on("close", ({ code, isFinal }) => {
    expectType<Equal<[typeof code, typeof isFinal], [number, boolean]>>();
  });
  expectType<Equal<Parameters<typeof room.send>, [message: { text: string }]>>();
  expectType<Equal<ReturnType<typeof room.send>, "sent" | "queued" | "refused">>();
  // @ts-expect-error the route takes something else
  room.send({ txt: "hello" });
  // @ts-expect-error there is no such event
  expectError(() => room.on("mesage", () => {}));
  room.close();

  const team = client.connect("/api/teams/:team/chat", { params: { team: 7 }, ...options });
  expectType<Equal<Parameters<typeof team.send>, [message: { text: string }]>>();
  team.close();
  // @ts-expect-error what goes out has no schema, so it goes as it is
  client.connect("/api/teams/:team", { params: { team: 7 }, ...options }).close();
  const count = client.connect("/api/teams/:team", {
    params: { team: 7 },
    raw: "sent",
    ...options,
  });
  count.on("message", (message) => expectType<Equal<typeof message, number>>());
  count.send(new Uint8Array(1));
  count.close();

  // @ts-expect-error neither has a schema
  client.connect("/plain", options).close();
  const plain = client.connect("/plain", { raw: true, ...options });
  plain.on("message", (message) => expectType<Equal<typeof message, string | Uint8Array>>());
  plain.close();
  const loop = client.connect("/loop", { raw: "received", ...options });
  expectType<Equal<Parameters<typeof loop.send>, [message: number]>>();
  loop.close();

  const clock = createClient<ReturnType<typeof statement>>("ws://127.0.0.1:1");
  const ticks = clock.connect("/clock", { raw: "sent", ...options });
  ticks.on("message", ({ at }) => expectType<Equal<typeof at, string>>());
  ticks.close();

  const both = createClient<ReturnType<typeof statement> & App>("ws://127.0.0.1:1");
  both.connect("/clock", { raw: "sent", ...options }).close();
  const joined = both.connect("/loop", { raw: "received", ...options });
  expectType<Equal<Parameters<typeof joined.send>, [message: number]>>();
  joined.close();

  const untyped = createClient("ws://127.0.0.1:1").connect("/anything/:id", {
    params: { id: 1 },
    ...options,
  });
  untyped.on("message", (message) => expectType<Equal<typeof message, unknown>>());
  untyped.send({ anything: true });
  untyped.close();
}

export function mistakes(): void {
  const client = createClient<App>("http://127.0.0.1:1");
  const params = { room: "zig" };
  const named = { params: { rom: "zig" }, query: { name: "ada" } };
  // @ts-expect-error there is no such route
  void (() => client.connect("/room/:room", { params }));
  // @ts-expect-error a GET route is no socket
  expectError(() => client.connect("no path"));
  // @ts-expect-error the query is required
  expectError(() => client.connect("/rooms/:room", { params, parms: 1 }));
  // @ts-expect-error so are the parameters
  expectError(() => client.connect("/rooms/:room", { query: { name: "ada" } }));
  // @ts-expect-error and they have names
  expectError(() => client.connect("/rooms/:room", named));
  // @ts-expect-error a mistyped option
  expectError(() => client.connect("/loop", { raw: "received", reconect: false }));
}

export async function streams(): Promise<void> {
  const client = createClient<App>("http://127.0.0.1:1");
  const text = client.events("/news", { reconnect: false });
  const parse = (data: string) => ({ length: data.length });
  const parsed = client.events("/news", { parse, reconnect: false });
  parsed.close();
  for await (const { data } of parsed) expectType<Equal<typeof data, { length: number }>>();
  text.close();
  for await (const { data, id } of text)
    expectType<Equal<[typeof data, typeof id], [string, string]>>();
}

expectType<
  Equal<
    FromJson<{ at: Date; tags: string[]; of?: number }>,
    { at: string; tags: string[]; of?: number }
  >
>();

function expectError(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return;
  }
  throw new Error(`nothing was refused by ${run}`);
}
