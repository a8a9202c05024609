/** `idle-client.ts <port> <sockets>`: opens them, answers pings, and on "echo" lets each say something. */
import { request } from "../support/raw.ts";
import { frame, handshakeHeaders, opcode } from "../support/web-socket.ts";

export interface FromClient {
  readonly word: "open" | "echo";
  readonly answered: number;
  readonly closed: number;
  readonly pings: number;
}

const [port = 0, count = 0] = process.argv.slice(2).map(Number);
const sockets: Bun.Socket<{ isOpen: boolean }>[] = [];
const text = "are you there?";
const pong = frame(opcode.pong);
const counts = { answered: 0, closed: 0, pings: 0 };
let opened = 0;
/** Not all at once: a full queue of the listener would make the kernel wait for a second before it asks again. */
const together = 100;

const say = (word: FromClient["word"]) => process.send?.({ word, ...counts } satisfies FromClient);

/** The server's frames are short and come in one piece: a ping without payload, or the echo. */
function read(bytes: Buffer, socket: Bun.Socket<{ isOpen: boolean }>): void {
  if (!socket.data.isOpen) {
    const head = bytes.toString("latin1");
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`no handshake: ${head}`);
    socket.data.isOpen = true;
    opened++;
    return;
  }
  for (let start = 0; start < bytes.length; start += 2 + (bytes[start + 1]! & 127)) {
    const code = bytes[start]! & 15;
    if (code === opcode.ping) {
      counts.pings++;
      socket.write(pong);
    } else if (code === opcode.text) counts.answered++;
  }
}

while (sockets.length < count) {
  const batch = Array.from({ length: Math.min(together, count - sockets.length) }, () =>
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      data: { isOpen: false },
      socket: {
        data: (socket, bytes) => read(bytes, socket),
        close: () => void counts.closed++,
      },
    }),
  );
  const connected = await Promise.all(batch);
  for (const socket of connected) socket.write(request("GET", "/", handshakeHeaders));
  sockets.push(...connected);
  while (opened < sockets.length) await Bun.sleep(1);
}
say("open");

process.on("message", async () => {
  counts.answered = 0;
  const said = frame(opcode.text, text);
  for (const socket of sockets) socket.write(said);
  for (let wait = 0; wait < 10_000 && counts.answered + counts.closed < count; wait++)
    await Bun.sleep(1);
  say("echo");
});
