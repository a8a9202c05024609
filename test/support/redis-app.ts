/** Two applications in one process that only Redis joins, each as a cluster of its own. */
import type { Robyn } from "robyn";
import { redis, type RedisOptions } from "robyn/redis";
import type { Adapter } from "../../src/server/adapter.ts";
import { ClientSocket } from "./client-socket.ts";
import { quietApp, serveApp, type Served } from "./serve.ts";
import { until } from "./wait.ts";

type Joined = Awaited<ReturnType<Adapter["open"]>>;

export interface Site extends AsyncDisposable {
  readonly app: Robyn;
  readonly served: Served;
  readonly joined: Joined;
  /** A socket that is subscribed to `room`, and its id. */
  visit(room: string): Promise<{ readonly id: string; readonly socket: ClientSocket }>;
}

export async function startSite(
  url: string,
  options: RedisOptions = {},
  define: (app: Robyn) => void = () => {},
): Promise<Site> {
  const inner = redis(url, { heartbeat: 100, ...options });
  let joined: Joined | undefined;
  const adapter: Adapter = {
    name: inner.name,
    open: async (surroundings) => (joined = await inner.open(surroundings)),
  };
  const app = quietApp({ adapter });
  app.websocket("/room/:room", {
    origin: "*",
    open(socket) {
      socket.subscribe(socket.params.room, { as: { n: 1 } });
      socket.send(socket.id);
    },
    message: (socket, message) => socket.publish(socket.params.room, message),
  });
  define(app);
  const served = await serveApp(app);
  return {
    app,
    served,
    joined: joined!,
    async visit(room) {
      const socket = await ClientSocket.connect(served.port, `/room/${room}`);
      const [id] = await socket.receives(1);
      socket.messages.length = 0;
      return { id: String(id), socket };
    },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

export async function startPair(
  url: string,
  options?: RedisOptions,
  define?: (app: Robyn) => void,
): Promise<Site & { readonly other: Site }> {
  const [one, other] = await Promise.all([
    startSite(url, options, define),
    startSite(url, options, define),
  ]);
  await until("both to be connected", () =>
    [one, other].every((it) => it.joined.counts().connected),
  );
  return {
    ...one,
    other,
    async [Symbol.asyncDispose]() {
      await Promise.all([one[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
    },
  };
}
