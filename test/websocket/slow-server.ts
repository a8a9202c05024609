/** A server of its own, so that its memory is its own: publishes what the test asks for, and tells of itself. */
import { Robyn } from "robyn";

const slow = process.argv[2] === "drop" ? "drop" : "close";
const app = new Robyn({ websockets: { backpressureLimit: 1_048_576 } });
const closes: number[] = [];
const batch = "x".repeat(16_384);

app.websocket("/", {
  slow,
  open: (socket) => socket.subscribe("all"),
  close: (_, code) => void closes.push(code),
});
app.post("/publish/:count", ({ params }) => {
  for (let index = 0; index < Number(params.count); index++) app.publish("all", batch);
  return null;
});
app.get("/report", () => ({ rss: process.memoryUsage.rss(), closes }));

const { port } = await app.start({ port: 0, banner: false, logLevel: "error" });
console.log(`listening ${port}`);
