/** The WebSocket of `robyn/testing`. */
import { expect, test } from "bun:test";
import { HttpError } from "robyn";
import { createClient, HandshakeError } from "robyn/testing";
import { quietApp } from "../support/serve.ts";

function app() {
  return quietApp()
    .post("/login", ({ setCookie }) => {
      setCookie("user", "ada");
      return null;
    })
    .websocket("/echo", {
      protocols: ["v1"],
      message: (socket, message) => void socket.send(message),
      open: (socket) => void (socket.protocol !== "" && socket.send({ protocol: socket.protocol })),
    })
    .websocket("/whoami", {
      beforeUpgrade: ({ cookies }) => {
        const user = cookies.get("user");
        if (user === null) throw new HttpError(401);
        return user;
      },
      open(socket) {
        socket.send(socket.data);
        socket.close(4000, "that is all");
      },
    });
}

test("messages are awaited one by one, whether the client was given a socket or not", async () => {
  for (const socket of [false, true]) {
    await using client = createClient(app(), { socket });
    using ws = await client.websocket("/echo");
    ws.send("text")
      .send({ a: 1 })
      .send(new Uint8Array([7]));
    expect(await ws.next()).toBe("text");
    expect(await ws.json()).toEqual({ a: 1 });
    expect(await ws.next()).toEqual(Buffer.from([7]));
    expect(await ws.close()).toEqual({ code: 1000, reason: "" });
    expect(ws.next()).rejects.toThrow("closed with 1000");
  }
});

test("subprotocols are offered, cookies and headers sent", async () => {
  await using client = createClient(app());
  using ws = await client.websocket("/echo", { protocols: ["v2", "v1"] });
  expect(ws.protocol).toBe("v1");
  expect(await ws.json()).toEqual({ protocol: "v1" });
});

test("a refused handshake says with which status; once allowed, messages are iterated to the end", async () => {
  await using client = createClient(app(), { socket: true });
  const refused = await client.websocket("/whoami").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(HandshakeError);
  expect(refused).toMatchObject({ status: 401 });
  await client.post("/login");
  using ws = await client.websocket("/whoami");
  expect(await Array.fromAsync(ws)).toEqual(["ada"]);
  expect(await ws.closed).toEqual({ code: 4000, reason: "that is all" });
});

test("what does not come is an error in time", async () => {
  await using client = createClient(app());
  using ws = await client.websocket("/echo", { timeout: 0.05 });
  expect(ws.next()).rejects.toThrow("in vain for a message");
});
