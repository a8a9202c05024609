/** Streams and their readers: how far a source runs ahead, who is cut and who is not, what an error does. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { recordingLogger } from "../support/log.ts";
import { RawClient, request } from "../support/raw.ts";
import { quietApp } from "../support/serve.ts";
import { startVictim } from "../support/victim.ts";
import { until, within } from "../support/wait.ts";

setDefaultTimeout(40_000);

const chunk_bytes = 65_536;
let made = 0;
let finished = 0;

async function* chunks(count: number) {
  try {
    for (let index = 0; index < count; index++) {
      made++;
      yield new Uint8Array(chunk_bytes);
    }
  } finally {
    finished++;
  }
}

function pulled(count: number): ReadableStream {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- <= 0) return controller.close();
      made++;
      controller.enqueue(new Uint8Array(chunk_bytes));
    },
    cancel() {
      finished++;
    },
  });
}

const total = 192;
const victim = startVictim(
  (app) => {
    app.get("/generator", () => chunks(Infinity));
    app.get("/stream", () => pulled(Infinity));
    app.get("/finite/generator", () => chunks(total));
    app.get("/finite/stream", () => pulled(total));
    // As a Response of its own, Bun sees it alone and its idle timeout applies: the control of the slow reader.
    app.get("/finite/unseen", () => new Response(pulled(total)));
    app.get("/fails", () => failing());
    app.get(
      "/fails/stream",
      () =>
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new TextEncoder().encode("before "));
            await Bun.sleep(20);
            throw new Error("canary pull");
          },
        }),
    );
    app.get("/cancel/throws", () =>
      ticking(() => {
        throw new Error("canary cancel");
      }),
    );
    app.get("/cancel/rejects", () => ticking(() => Promise.reject(new Error("canary cancel"))));
    app.get("/cancel/finally", async function* () {
      try {
        for (;;) {
          yield "tick ";
          await Bun.sleep(1);
        }
      } finally {
        finished++;
        throw new Error("canary cancel");
      }
    });
  },
  { keepAliveTimeout: 1 },
);

async function* failing() {
  yield "before ";
  await Bun.sleep(20);
  throw new Error("canary midway");
}

function ticking(cancel: () => void | Promise<void>): ReadableStream {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(1);
      controller.enqueue(new TextEncoder().encode("tick "));
    },
    cancel() {
      finished++;
      return cancel();
    },
  });
}

describe("a reader that has stopped", () => {
  test.each(["/generator", "/stream"])(
    "stops %s after what the buffers of the connection take",
    async (path) => {
      made = 0;
      finished = 0;
      using client = await RawClient.connect(victim.port, { paused: true });
      client.send(request("GET", path));
      const count = await until("the source to pause", async () => {
        const before = made;
        await Bun.sleep(200);
        return before > 0 && made === before ? made : undefined;
      });
      // The kernel takes about 4 MiB on a loopback connection: 61 chunks were measured, and nothing beyond them.
      expect(count).toBeLessThan(192);
      client.vanish();
      await until("the source to be released", () => finished === 1);
    },
  );

  test.each(["generator", "stream"])(
    "in process a %s is asked for one value per read",
    async (kind) => {
      made = 0;
      const response = await quietApp()
        .get("/generator", () => chunks(10))
        .get("/stream", () => pulled(10))
        .request(`/${kind}`);
      // A ReadableStream of the application keeps one chunk ready itself.
      const ahead = kind === "stream" ? 1 : 0;
      await Bun.sleep(5);
      expect(made).toBe(ahead);
      const reader = response.body!.getReader();
      await reader.read();
      await Bun.sleep(5);
      expect(made).toBe(1 + ahead);
      await reader.cancel();
    },
  );
});

test("a slow reader is not cut, though its pause is longer than the idle timeout", async () => {
  const kinds = ["generator", "stream", "unseen"];
  const readers = await Promise.all(kinds.map((kind) => readSlowly(`/finite/${kind}`)));
  const expected = total * chunk_bytes;
  expect(readers.slice(0, 2)).toEqual([expected, expected]);
  expect(readers[2]).toBeLessThan(expected);
});

describe("an error midway", () => {
  test.each([
    ["/fails", "canary midway"],
    ["/fails/stream", "canary pull"],
  ])("%s breaks the connection off and tells the log, not the client", async (path, message) => {
    using client = await RawClient.connect(victim.port);
    client.send(request("GET", path));
    await client.closes();
    expect(client.received).toContain("before ");
    expect(client.received).not.toContain("canary");
    expect(client.received).not.toEndWith("0\r\n\r\n");
    expect(victim.log.errors()).toContain(message);
  });

  test("in process the reader gets the error itself", async () => {
    const logger = recordingLogger();
    const response = await quietApp({ logger })
      .get("/", () => failing())
      .request("/");
    expect(response.text()).rejects.toThrow("canary midway");
    await until("the log", () => logger.errors().includes("canary midway"));
  });
});

describe("a source that fails when it is released", () => {
  test.each(["throws", "rejects", "finally"])(
    "%s: the log has it, the server lives on",
    async (kind) => {
      finished = 0;
      victim.log.records.length = 0;
      using client = await RawClient.connect(victim.port);
      client.send(request("GET", `/cancel/${kind}`));
      await client.sees(/tick/);
      client.vanish();
      await until("the release", () => finished === 1);
      await until("the log to have it", () => victim.log.errors().includes("canary cancel"));
    },
  );
});

/** Takes 1 MiB, rests for two steps of Bun's idle timer (4 s each), then takes the remaining 11. */
async function readSlowly(path: string): Promise<number> {
  let received = 0;
  let hasRested = false;
  const over = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: victim.port,
    socket: {
      data(it, bytes) {
        // Head and chunk sizes are text; the content is zeros.
        for (const byte of bytes) if (byte === 0) received++;
        if (received === total * chunk_bytes) return over.resolve();
        if (hasRested || received < 1_048_576) return;
        hasRested = true;
        it.pause();
        setTimeout(() => it.resume(), 10_000);
      },
      close: () => over.resolve(),
      error: () => over.resolve(),
    },
  });
  socket.write(request("GET", path));
  await within("the end of the stream", over.promise, 30_000);
  socket.terminate();
  return received;
}
