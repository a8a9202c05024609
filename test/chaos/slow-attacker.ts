/**
 * A process of its own, so that its work is not in the latencies of the others: `slow-attacker.ts <port> <count>` opens so
 * many connections of each kind, says `open`, and at the end of its input how long each of them lived.
 */
const [port = "0", count = "0"] = process.argv.slice(2);

interface Connection {
  readonly kind: string;
  readonly openedAt: number;
  /** When the server closed it, or answered what was stuck. */
  goneAt: number | undefined;
  status: number;
  readonly socket: Bun.Socket;
}

const kinds: Readonly<Record<string, { first: string; then?: string; reads?: false }>> = {
  "slow headers": { first: "GET /quick HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", then: "x" },
  "slow bodies": {
    first: "POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
    then: "x",
  },
  "slow readers of memory": {
    first: "GET /memory HTTP/1.1\r\nHost: localhost\r\n\r\n",
    reads: false,
  },
  "slow readers of files": { first: "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n", reads: false },
  "stuck POSTs": { first: "POST /stuck HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx" },
};

const all: Connection[] = [];
// In steps: a queue of connections that overflows would be another attack.
const step = 50;
for (let made = 0; made < Number(count); made += step)
  for (const kind of Object.keys(kinds))
    await Promise.all(
      Array.from({ length: Math.min(step, Number(count) - made) }, () => open(kind)),
    );
console.log("open");
setInterval(() => {
  for (const { kind, goneAt, socket } of all) {
    const { then } = kinds[kind]!;
    if (then !== undefined && goneAt === undefined) socket.write(then);
  }
}, 2_000);
for await (const _ of Bun.stdin.stream());
const report = Object.keys(kinds).map((kind) => {
  const own = all.filter((it) => it.kind === kind);
  const lives = own.map(({ openedAt, goneAt }) => (goneAt ?? Infinity) - openedAt);
  return {
    kind,
    gone: lives.filter(Number.isFinite).length,
    longest_s: Math.round(Math.max(...lives.filter(Number.isFinite), 0) / 100) / 10,
    statuses: [...new Set(own.map(({ status }) => status))],
  };
});
console.log(`\n${JSON.stringify(report)}`);
process.exit(0);

async function open(kind: string): Promise<void> {
  const { first, reads } = kinds[kind]!;
  const { promise, resolve } = Promise.withResolvers<void>();
  const close = () => {
    if (connection !== undefined) connection.goneAt ??= performance.now();
    resolve();
  };
  let connection: Connection | undefined;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: {
      data(_, chunk) {
        if (connection === undefined) return;
        connection.status ||= Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString("latin1"))?.[1] ?? 0);
        if (connection.status === 503) connection.goneAt ??= performance.now();
      },
      close,
      end: close,
      error: close,
    },
  });
  connection = { kind, openedAt: performance.now(), goneAt: undefined, status: 0, socket };
  all.push(connection);
  if (reads === false) socket.pause();
  socket.write(first);
  resolve();
  await promise;
}
