/**
 * Frames that no honest client sends. Each gets the close code of RFC 6455 §7.4.1 or none at all, the application hears
 * of the end, and the next client is served. With and without compression.
 */
import { describe, expect, test } from "bun:test";
import { deflateRawSync } from "node:zlib";
import { quietApp, serveApp } from "../support/serve.ts";
import { until } from "../support/wait.ts";
import { frame, opcode, RawWebSocket } from "../support/web-socket.ts";

const { text, binary, close, ping, continuation } = opcode;
const maxPayload = 100_000;

/** A close frame of a client. */
function closing(code: number, reason: string | Uint8Array = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(close, Buffer.concat([head, Buffer.from(reason)]));
}

const badUtf8 = new Uint8Array([0xce, 0xba, 0xe1, 0xbd, 0xed, 0xa0, 0x80]);

/** 1006: the connection ends without a close frame. */
const attacks: [what: string, bytes: Buffer, codes: number[]][] = [
  ["an unmasked frame", frame(text, "x", { masked: false }), [1002]],
  ["reserved bit 2", frame(text, "x", { reserved: 2 }), [1002]],
  ["reserved bit 3", frame(text, "x", { reserved: 1 }), [1002]],
  ["reserved opcode 3", frame(3, "x"), [1002]],
  ["reserved opcode 11", frame(11, "x"), [1002]],
  ["text that is not UTF-8", frame(text, badUtf8), [1007]],
  [
    "text that is not UTF-8, in fragments",
    Buffer.concat([
      frame(text, badUtf8.subarray(0, 3), { final: false }),
      frame(continuation, badUtf8.subarray(3)),
    ]),
    [1007],
  ],
  ["a fragmented ping", frame(ping, "x", { final: false }), [1002]],
  ["a fragmented close", frame(close, "", { final: false }), [1002]],
  ["a continuation of nothing", frame(continuation, "x"), [1002]],
  [
    "a message inside a message",
    Buffer.concat([frame(text, "a", { final: false }), frame(text, "b")]),
    [1002],
  ],
  ["a ping of 126 bytes", frame(ping, "x".repeat(126)), [1002]],
  ["a close of one byte", frame(close, "x"), [1002]],
  ["a close with 1005", closing(1005), [1002]],
  ["a close with 1006", closing(1006), [1002]],
  ["a close with 999", closing(999), [1002]],
  ["a close with a reason that is not UTF-8", closing(1000, badUtf8), [1002, 1007]],
  ["a message that is too large", frame(binary, Buffer.alloc(maxPayload + 1)), [1009]],
  [
    "a message that is too large, announced only",
    frame(binary, Buffer.alloc(2 ** 20)).subarray(0, 14),
    [1009],
  ],
  [
    "fragments that are too large together",
    Buffer.concat([
      frame(binary, Buffer.alloc(60_000), { final: false }),
      frame(continuation, Buffer.alloc(60_000)),
    ]),
    [1009],
  ],
];

for (const deflate of [false, true]) {
  describe(`with perMessageDeflate ${deflate}`, () => {
    const headers: Record<string, string> = deflate
      ? { "Sec-WebSocket-Extensions": "permessage-deflate" }
      : {};

    async function open() {
      const closes: number[] = [];
      const messages: (string | Uint8Array)[] = [];
      const app = quietApp({ websockets: { maxPayload, perMessageDeflate: deflate } }).websocket(
        "/",
        {
          message(socket, message) {
            messages.push(message);
            socket.send(String(message.length));
          },
          close: (_, code) => void closes.push(code),
        },
      );
      const server = await serveApp(app);
      const connect = () => RawWebSocket.connect(server.port, "/", headers);
      return {
        closes,
        messages,
        connect,
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    }

    test.each(attacks)("%s", async (_, bytes, codes) => {
      await using server = await open();
      using client = await server.connect();
      expect(client.response.headers["sec-websocket-extensions"] !== undefined).toBe(deflate);
      const code = await client.send(bytes).closeCode();
      expect(codes).toContain(code);
      await until("the application to be told", () => server.closes.length === 1);
      expect(server.messages).toEqual([]);
      using next = await server.connect();
      expect((await next.send(frame(text, "abc")).next()).payload.toString()).toBe("3");
    });

    test("reserved bit 1 is a protocol error unless compression was agreed on", async () => {
      await using server = await open();
      using client = await server.connect();
      const payload = deflateRawSync("hello", { finishFlush: 2 }).subarray(0, -4);
      client.send(frame(text, payload, { reserved: 4 }));
      if (deflate) expect((await client.next()).payload.toString()).toBe("5");
      else expect(await client.closeCode()).toBe(1002);
    });

    test("a close with a code of its own is answered, and told to the application", async () => {
      await using server = await open();
      using client = await server.connect();
      expect(await client.send(closing(4321, "bye")).closeCode()).toBe(4321);
      await until("the close", () => server.closes.length === 1);
      expect(server.closes).toEqual([4321]);
    });

    test("pings between fragments are answered, and the message comes whole", async () => {
      await using server = await open();
      using client = await server.connect();
      client.send(
        Buffer.concat([
          frame(text, "a", { final: false }),
          frame(ping, "now?"),
          frame(continuation, "b"),
        ]),
      );
      expect(await client.next()).toEqual({ opcode: opcode.pong, payload: Buffer.from("now?") });
      expect((await client.next()).payload.toString()).toBe("2");
    });

    test("tiny and empty fragments without end cost no memory", async () => {
      await using server = await open();
      using client = await server.connect();
      client.send(frame(text, "", { final: false }));
      const many = Buffer.concat(
        Array.from({ length: 10_000 }, () => frame(continuation, "", { final: false })),
      );
      const before = process.memoryUsage.rss();
      for (let round = 0; round < 20; round++) {
        client.send(many).send(frame(ping));
        expect((await client.next()).opcode).toBe(opcode.pong);
      }
      client.send(frame(continuation, "end"));
      expect((await client.next()).payload.toString()).toBe("3");
      expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 2 ** 20);
    });
  });
}

test("a deflate bomb closes with 1009 and is not unpacked", async () => {
  const app = quietApp({ websockets: { maxPayload, perMessageDeflate: true } });
  const messages: unknown[] = [];
  const closes: number[] = [];
  app.websocket("/", {
    message: (_, message) => void messages.push(message),
    close: (_, code) => void closes.push(code),
  });
  await using server = await serveApp(app);
  using client = await RawWebSocket.connect(server.port, "/", {
    "Sec-WebSocket-Extensions": "permessage-deflate",
  });
  // 64 MiB of zeros are 64 KiB, which is below the limit.
  const bomb = deflateRawSync(Buffer.alloc(64 * 2 ** 20), { level: 9, finishFlush: 2 }).subarray(
    0,
    -4,
  );
  expect(bomb.length).toBeLessThan(maxPayload);
  const before = process.memoryUsage.rss();
  const code = await client.send(frame(binary, bomb, { reserved: 4 })).closeCode();
  expect(code).toBe(1009);
  await until("the application to be told", () => closes.length === 1);
  expect(messages).toEqual([]);
  expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 2 ** 20);
});
