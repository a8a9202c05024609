/** The load, in the driver: Bun's own client. It checks what it gets, and counts. */
import type { Server } from "../harness/server.ts";

export interface Sample {
  /** Messages that a client received, per second. */
  readonly rate: number;
  /** Processor time of the server per such message, in microseconds. */
  readonly cost: number;
}

/** Each connection keeps so many messages on the way. */
const window = 4;

/** Every connection gets its own messages back. */
export async function echo(server: Server, connections: number, seconds: number): Promise<Sample> {
  const sockets = await open(server, connections);
  let count = 0;
  const text = `e${"x".repeat(99)}`;
  for (const socket of sockets) {
    socket.onmessage = ({ data }) => {
      if (data !== text) throw new Error(`the echo was ${String(data)}`);
      count++;
      socket.send(text);
    };
    for (let index = 0; index < window; index++) socket.send(text);
  }
  return await measure(server, sockets, seconds, () => count);
}

/** One of them speaks, all hear it; the next message goes out when the last has reached everybody. */
export async function publish(
  server: Server,
  connections: number,
  seconds: number,
): Promise<Sample> {
  const sockets = await open(server, connections);
  const [first] = sockets;
  let count = 0;
  const text = `p${"x".repeat(99)}`;
  for (const socket of sockets) {
    socket.onmessage = ({ data }) => {
      if (data !== text) throw new Error(`the message was ${String(data)}`);
      if (++count % connections === 0) first!.send(text);
    };
  }
  for (let index = 0; index < window; index++) first!.send(text);
  return await measure(server, sockets, seconds, () => count);
}

async function measure(
  server: Server,
  sockets: readonly WebSocket[],
  seconds: number,
  count: () => number,
): Promise<Sample> {
  // Compilers need their time, and would be counted.
  await Bun.sleep(seconds * 500);
  const before = { count: count(), time: performance.now(), busy_s: busySeconds(server) };
  await Bun.sleep(seconds * 1_000);
  const messages = count() - before.count;
  const elapsed_s = (performance.now() - before.time) / 1_000;
  const busy_s = busySeconds(server) - before.busy_s;
  for (const socket of sockets) {
    socket.onmessage = null;
    socket.close();
  }
  if (messages === 0) throw new Error("no message came back");
  return { rate: messages / elapsed_s, cost: (busy_s / messages) * 1e6 };
}

function busySeconds(server: Server): number {
  const { userSeconds, systemSeconds } = server.usage();
  return userSeconds + systemSeconds;
}

function open({ port }: Server, connections: number): Promise<WebSocket[]> {
  return Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
          socket.onopen = () => resolve(socket);
          socket.onerror = () => reject(new Error("the handshake failed"));
        }),
    ),
  );
}
