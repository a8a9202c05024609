/** The control: what Bun's WebSockets cost themselves. */
const server = Bun.serve<undefined>({
  port: 0,
  hostname: "127.0.0.1",
  development: false,
  fetch(request, own) {
    if (own.upgrade(request, { data: undefined })) return undefined;
    return new Response("no WebSocket", { status: 426 });
  },
  websocket: {
    // As robyn sets it: the default of `server.publish` compresses where it can.
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe("all");
    },
    message(socket, message) {
      if (message.length > 0 && message[0] === "p") server.publish("all", message, false);
      else socket.send(message);
    },
  },
});
console.log(`listening ${server.port}`);
