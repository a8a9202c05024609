/** The same with robyn. */
import { Robyn } from "robyn";

const app = new Robyn();
app.websocket("/", {
  open(socket) {
    socket.subscribe("all");
  },
  message(socket, message) {
    if (message.length > 0 && message[0] === "p") app.publish("all", message);
    else socket.send(message);
  },
});
const server = await app.start({ port: 0, banner: false, logLevel: "error" });
console.log(`listening ${server.port}`);
