/** One subscriber that never reads: it is bounded, and neither the publisher nor the others notice. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";
import { frame, opcode, RawWebSocket, handshakeHeaders } from "../support/web-socket.ts";
import { request } from "../support/raw.ts";
import { ClientSocket } from "../support/client-socket.ts";

const limit = 1_048_576;
/** 1 GiB in the long suite; 32 MiB are well beyond what the system buffers for one connection, and the limit. */
const isLong = process.env.ROBYN_LONG === "1";
const rounds = isLong ? 8_192 : 256;
const message_bytes = 16_384;
/** With the four bytes of the head. */
const frame_bytes = message_bytes + 4;

/** Takes everything and only counts it. */
async function counter(
  port: number,
): Promise<{ bytes(): number; isClosed(): boolean; end(): void }> {
  let bytes = 0;
  let isClosed = false;
  let hasOpened = false;
  const opened = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, chunk) {
        bytes += chunk.length - (hasOpened ? 0 : chunk.indexOf("\r\n\r\n") + 4);
        hasOpened = true;
        opened.resolve();
      },
      close: () => void (isClosed = true),
    },
  });
  socket.write(request("GET", "/", handshakeHeaders));
  await within("a handshake", opened.promise);
  return { bytes: () => bytes, isClosed: () => isClosed, end: () => void socket.terminate() };
}

for (const policy of ["close", "drop"] as const) {
  test(`among 100 subscribers one never reads (${policy}): memory is bounded, the others lose nothing`, async () => {
    await using child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "slow-server.ts"), policy],
      { stdout: "pipe", stderr: "inherit" },
    );
    const reader = child.stdout.getReader();
    const port = Number(
      Buffer.from((await reader.read()).value!)
        .toString()
        .split(" ")[1],
    );
    const url = `http://127.0.0.1:${port}`;
    const report = async () =>
      (await (await fetch(`${url}/report`)).json()) as { rss: number; closes: number[] };
    const readers = await Promise.all(Array.from({ length: 99 }, () => counter(port)));
    using sleeper = await RawWebSocket.connect(port, "/", {}, { paused: true });
    let sent = 0;
    const publish = async (count: number) => {
      await fetch(`${url}/publish/${count}`, { method: "POST" });
      sent += count * frame_bytes;
      await until(
        "the others to get everything",
        () => readers.every((it) => it.bytes() === sent),
        20_000,
      );
    };
    await publish(8);
    const base = (await report()).rss;
    let most = 0;
    for (let round = 0; round < rounds; round++) {
      await publish(8);
      if (round % 8 === 0) most = Math.max(most, (await report()).rss);
    }
    const { rss, closes } = await report();
    const growth = Math.max(most, rss) - base;
    if (isLong)
      console.log(
        `slow: ${policy}, ${rounds * 8 * message_bytes} bytes published: ${growth} bytes above the base`,
      );
    expect(growth).toBeLessThan(limit + 32 * 2 ** 20);
    expect(readers.filter((it) => it.isClosed())).toEqual([]);
    expect(closes).toEqual(policy === "close" ? [1013] : []);
    // Minutes later the system has given the connection up, and with it what it still held.
    if (policy === "close" && !isLong) {
      // What had been sent before comes complete, then the reason of the end.
      sleeper.resume();
      expect(await sleeper.closeCode()).toBe(1013);
    }
    for (const it of readers) it.end();
    child.kill();
  }, 600_000);
}

describe("send", () => {
  test("says what waits, drained() and drain tell when nothing does any more", async () => {
    const results: string[] = [];
    let drains = 0;
    const drained = Promise.withResolvers<number>();
    const app = quietApp().websocket("/", {
      async message(socket) {
        const chunk = "x".repeat(500_000);
        do results.push(socket.send(chunk));
        while (results.at(-1) === "sent");
        expect(socket.buffered).toBeGreaterThan(0);
        await socket.drained();
        drained.resolve(socket.buffered);
      },
      drain: () => drains++,
    });
    await using server = await serveApp(app);
    using client = await RawWebSocket.connect(server.port, "/", {}, { paused: true });
    client.send(frame(opcode.text, "go"));
    await until("something that waits", () => results.at(-1) === "queued");
    expect(drains).toBe(0);
    client.resume();
    expect(await within("the drain", drained.promise)).toBe(0);
    expect(drains).toBeGreaterThan(0);
  });

  test("to a client that never reads ends in 1013, or with slow drop in dropped messages", async () => {
    for (const slow of ["close", "drop"] as const) {
      const results: string[] = [];
      const codes: number[] = [];
      const app = quietApp({ websockets: { backpressureLimit: 100_000 } }).websocket("/", {
        slow,
        open(socket) {
          const chunk = "x".repeat(20_000);
          do results.push(socket.send(chunk));
          while (results.at(-1) !== "dropped");
        },
        close: (_, code) => void codes.push(code),
      });
      await using server = await serveApp(app);
      using _ = await RawWebSocket.connect(server.port, "/", {}, { paused: true });
      await until("a dropped message", () => results.at(-1) === "dropped");
      expect(codes).toEqual(slow === "close" ? [1013] : []);
    }
  });

  test("of one message larger than the limit does not make a reading client slow", async () => {
    const large = "x".repeat(3_000_000);
    const results: string[] = [];
    const app = quietApp({ websockets: { backpressureLimit: 100_000 } }).websocket("/", {
      open(socket) {
        results.push(socket.send(large));
        socket.subscribe("t");
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    expect((await client.receives(1))[0]?.length).toBe(large.length);
    app.publish("t", large);
    expect((await client.receives(2))[1]?.length).toBe(large.length);
    expect(results).not.toContain("dropped");
  });
});
