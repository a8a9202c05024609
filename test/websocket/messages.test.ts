/** What comes and what goes: raw or by schema, and what becomes of messages that are wrong. */
import { describe, expect, test } from "bun:test";
import { MessageError, t } from "robyn";
import * as z from "zod";
import { ClientSocket } from "../support/client-socket.ts";
import { recordingLogger } from "../support/log.ts";
import { quietApp, serveApp } from "../support/serve.ts";
import { until, within } from "../support/wait.ts";

const Move = t.Object({ x: t.Integer(), y: t.Integer() });

describe("without a schema", () => {
  test("text is a string and binary is bytes, both ways, empty ones too", async () => {
    const kinds: string[] = [];
    const app = quietApp().websocket("/", {
      message(socket, message) {
        kinds.push(typeof message === "string" ? "text" : message.constructor.name);
        expect(socket.send(message)).toBe("sent");
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client
      .send("ä")
      .send(new Uint8Array([0, 255]))
      .send("")
      .send(new Uint8Array());
    expect(await client.receives(4)).toEqual(["ä", Buffer.from([0, 255]), "", Buffer.alloc(0)]);
    expect(kinds).toEqual(["text", "Buffer", "text", "Buffer"]);
  });

  test("objects are sent as JSON, every view as its bytes, and what has no JSON form throws", async () => {
    const errors: unknown[] = [];
    const app = quietApp().websocket("/", {
      open(socket) {
        socket.send({ a: [1] });
        socket.send(new Uint16Array([1]));
        socket.send(new Uint8Array([9, 8, 7]).buffer);
        for (const wrong of [undefined, () => {}, Symbol("x"), 1n]) {
          try {
            socket.send(wrong);
          } catch (error) {
            errors.push(error);
          }
        }
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    expect(await client.receives(3)).toEqual([
      '{"a":[1]}',
      Buffer.from([1, 0]),
      Buffer.from([9, 8, 7]),
    ]);
    expect(errors.map((error) => error instanceof TypeError)).toEqual([true, true, true, true]);
  });
});

describe("with a schema", () => {
  async function talk(
    invalid: "keep" | "close" | undefined,
    message: string | Uint8Array<ArrayBuffer>,
  ) {
    const errors: unknown[] = [];
    const got: unknown[] = [];
    const log = recordingLogger();
    const app = quietApp({ logger: log }).websocket("/", {
      schema: Move,
      invalid,
      message: (socket, { x, y }) => {
        got.push([x, y]);
        socket.send({ sum: x + y });
      },
      error: (_, error) => void errors.push(error),
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send(message);
    if (invalid === "close")
      return { errors, got, log, closed: await within("a close", client.closed) };
    client.send('{"x":1,"y":2}');
    await client.receives(1);
    return { errors, got, log, messages: client.messages };
  }

  const wrong: [what: string, message: string | Uint8Array<ArrayBuffer>, code: number][] = [
    ["that is no JSON", "{", 1007],
    ["that is empty", "", 1007],
    ["nested too deeply", "[".repeat(500), 1007],
    ["of another shape", '{"x":1.5,"y":"secret"}', 1008],
    ["that is binary", new Uint8Array([123, 125]), 1003],
  ];
  test.each(wrong)("a message %s reaches error, and the socket lives", async (_, message, code) => {
    const { errors, got, messages, log } = await talk(undefined, message);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(MessageError);
    expect(errors[0]).toMatchObject({ code });
    expect(String(errors[0])).not.toContain("secret");
    expect([got, messages]).toEqual([[[1, 2]], ['{"sum":3}']]);
    expect(log.errors()).toBe("");
  });

  test.each(wrong)('with invalid "close", a message %s closes', async (_, message, code) => {
    const { errors, closed, got } = await talk("close", message);
    expect(errors).toHaveLength(1);
    expect(closed?.code).toBe(code);
    expect(got).toEqual([]);
  });

  test("__proto__ in a message changes no prototype", async () => {
    let value: unknown;
    const app = quietApp().websocket("/", {
      schema: t.Object({ a: t.Integer() }),
      message: (socket, message) => {
        value = message;
        socket.send("done");
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    await client.send('{"a":1,"__proto__":{"admin":true}}').receives(1);
    expect(Object(value).admin).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty("admin");
  });

  test("of another library, checked asynchronously, messages stay in order", async () => {
    const slowFirst = z.object({ n: z.number() }).refine(async ({ n }) => {
      await Bun.sleep(n === 0 ? 20 : 0);
      return n !== 3;
    });
    const order: (number | string)[] = [];
    const app = quietApp().websocket("/", {
      schema: slowFirst,
      message: (socket, { n }) => {
        order.push(n);
        if (n === 199) socket.send("last");
      },
      error: () => void order.push("invalid"),
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    for (let n = 0; n < 200; n++) client.send(JSON.stringify({ n }));
    await client.receives(1);
    expect(order).toEqual(Array.from({ length: 200 }, (_, n) => (n === 3 ? "invalid" : n)));
  });

  test("for what is sent: undeclared fields stay here, strings are JSON, a breach is our error", async () => {
    const log = recordingLogger();
    const errors: unknown[] = [];
    const app = quietApp({ logger: log })
      .websocket("/object", {
        response: t.Object({ name: t.String() }),
        open: (socket) => void socket.send({ name: "ada", ...{ password: "x" } }),
      })
      .websocket("/string", { response: t.String(), open: (socket) => void socket.send("hi") })
      .websocket("/breach", {
        response: t.Integer(),
        message: (socket) => void socket.send(1.5),
        error: (socket, error) => {
          errors.push(error);
          socket.send(0);
        },
      });
    await using server = await serveApp(app);
    using object = await ClientSocket.connect(server.port, "/object");
    expect(await object.receives(1)).toEqual(['{"name":"ada"}']);
    using text = await ClientSocket.connect(server.port, "/string");
    expect(await text.receives(1)).toEqual(['"hi"']);
    using breach = await ClientSocket.connect(server.port, "/breach");
    expect(await breach.send("go").receives(1)).toEqual(["0"]);
    expect(log.errors()).toContain("breaks its schema");
  });
});

describe("an exception", () => {
  for (const how of ["thrown", "rejected"] as const) {
    test(`${how} in message is logged and reaches error; the socket lives`, async () => {
      const log = recordingLogger();
      const errors: unknown[] = [];
      const boom = new Error("boom");
      const app = quietApp({ logger: log }).websocket("/", {
        message(socket, message) {
          if (message === "ok") return void socket.send("alive");
          if (how === "rejected") return Promise.reject(boom);
          throw boom;
        },
        error: (_, error) => void errors.push(error),
      });
      await using server = await serveApp(app);
      using client = await ClientSocket.connect(server.port, "/");
      await client.send("x").send("ok").receives(1);
      await until("the error", () => errors.length > 0);
      expect(errors).toEqual([boom]);
      expect(log.errors()).toContain("boom");
    });
  }

  test("in open closes with 1011: what messages rely on was not set up", async () => {
    const app = quietApp().websocket("/", {
      open() {
        throw new Error("no database");
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    expect(await within("a close", client.closed)).toMatchObject({ code: 1011 });
  });

  test("in error, close or drain is logged and ends there", async () => {
    const log = recordingLogger();
    const app = quietApp({ logger: log }).websocket("/", {
      message() {
        throw new Error("first");
      },
      async error() {
        throw new Error("second");
      },
      close() {
        throw new Error("third");
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send("x");
    await until("both errors", () => log.errors().includes("second"));
    client.close();
    await until("the third error", () => log.errors().includes("third"));
    expect(log.errors()).toContain("first");
  });
});

describe("close", () => {
  test("tells the other side, and close runs with the same code", async () => {
    const seen: [number, string][] = [];
    const app = quietApp().websocket("/", {
      message: (socket) => socket.close(4001, "enough"),
      close: (socket, code, reason) => {
        seen.push([code, reason]);
        expect([socket.isOpen, socket.send("late"), socket.buffered]).toEqual([
          false,
          "dropped",
          0,
        ]);
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    client.send("x");
    expect(await within("a close", client.closed)).toEqual({ code: 4001, reason: "enough" });
    using other = await ClientSocket.connect(server.port, "/");
    other.close(4002, "bye");
    await until("the second close", () => seen.length === 2);
    expect(seen).toEqual([
      [4001, "enough"],
      [4002, "bye"],
    ]);
  });

  test("with a code that may not be sent, or too long a reason, is refused", async () => {
    const outcome: string[] = [];
    const app = quietApp().websocket("/", {
      open(socket) {
        for (const code of [0, 999, 1002, 1004, 1005, 1006, 1010, 1015, 2999, 5000, 1000.5])
          try {
            socket.close(code);
            outcome.push(`${code} was sent`);
          } catch (error) {
            if (!(error instanceof RangeError)) outcome.push(String(error));
          }
        expect(() => socket.close(1000, "ä".repeat(62))).toThrow(RangeError);
        outcome.push("done");
        socket.close(1000, `${"ä".repeat(61)}x`);
      },
    });
    await using server = await serveApp(app);
    using client = await ClientSocket.connect(server.port, "/");
    expect((await within("a close", client.closed)).reason).toBe(`${"ä".repeat(61)}x`);
    expect(outcome).toEqual(["done"]);
  });
});

test("a message above maxPayload of its route closes with 1009, other routes take more", async () => {
  const echo = {
    message: (socket: { send(message: unknown): unknown }, message: unknown) =>
      void socket.send(message),
  };
  const app = quietApp({ websockets: { maxPayload: 1_000 } })
    .websocket("/small", { ...echo, maxPayload: 10 })
    .websocket("/default", echo)
    .websocket("/large", { ...echo, maxPayload: 100_000 });
  await using server = await serveApp(app);
  const limits = [
    ["/small", 10],
    ["/default", 1_000],
    ["/large", 100_000],
  ] as const;
  for (const [path, max] of limits) {
    using client = await ClientSocket.connect(server.port, path);
    const most = "x".repeat(max);
    expect(await client.send(most).receives(1)).toEqual([most]);
    client.send(`${most}x`);
    expect([path, (await within("a close", client.closed)).code]).toEqual([path, 1009]);
    using bytes = await ClientSocket.connect(server.port, path);
    // Three bytes per character: the limit is one of bytes.
    bytes.send("€".repeat(max / 2));
    expect([path, (await within("a close", bytes.closed)).code]).toEqual([path, 1009]);
  }
});
