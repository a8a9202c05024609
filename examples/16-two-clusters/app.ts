// Two clusters that Redis joins: whoever is in a room hears everybody, whichever cluster they are connected to.
// Run it twice, as on two machines, with a Redis beside them:
//   redis-server --port 6379 &
//   CITY=Berlin bunx robyn examples/16-two-clusters/app.ts --port 8080 --processes 2 &
//   CITY=Lisbon bunx robyn examples/16-two-clusters/app.ts --port 8081 --processes 2
import { rateLimit, Robyn } from "robyn";
import { redis } from "robyn/redis";

const city = process.env.CITY ?? "nowhere";
const app = new Robyn({
  adapter: redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379", {
    prefix: "two-clusters",
    // Both cities run the same code, so that one may send what the other has computed.
    version: "16",
  }),
});

app.websocket("/rooms/:room", {
  open(socket) {
    socket.subscribe(socket.params.room, { as: { city } });
    socket.send(JSON.stringify({ id: socket.id, city }));
  },
  message(socket, text) {
    socket.publish(socket.params.room, `${city}: ${String(text)}`);
  },
});

// Who is in the room, in both cities: curl http://127.0.0.1:8080/rooms/lobby/members
app.get("/rooms/:room/members", ({ params }) => app.presence(params.room).members);

// Ten in a minute from one address, counted in both cities together: curl -d "Lunch!" http://127.0.0.1:8081/rooms/lobby/say
app.post(
  "/rooms/:room/say",
  { beforeRequest: rateLimit({ name: "say", limit: 10, window: 60 }) },
  async ({ params, text }) => {
    app.publish(params.room, `${city}, aloud: ${await text()}`);
    return null;
  },
);

// Made in one city, and found by the other under the name that a balancer has for both:
//   curl -i -H "host: rooms.example" http://127.0.0.1:8081/rooms/lobby/report
app.get("/rooms/:room/report", { cache: { ttl: 60, tags: ["reports"] } }, ({ params }) => ({
  room: params.room,
  city,
  number: crypto.randomUUID(),
}));
// And ended in both: curl -X DELETE http://127.0.0.1:8080/reports
app.delete("/reports", () => {
  app.cache.invalidate({ tag: "reports" });
  return null;
});

// To one visitor, wherever he is: curl -d "psst" http://127.0.0.1:8081/visitors/<id>
app.post("/visitors/:id", async ({ params, text, status }) =>
  app.send(params.id, await text()) ? null : status(404, "nobody has this id"),
);

// Orders of both cities are carried out once, by one process of either. In the room "kitchen" one hears of it:
// curl -d "tea" http://127.0.0.1:8080/orders
const orders = app.channel<string>("orders", { capacity: 1_000 });

app.post("/orders", async ({ text, status }) => {
  await orders.send(`${await text()} for ${city}`);
  return status(202);
});

orders.consume((batch) => {
  for (const order of batch) app.publish("kitchen", `${city} makes ${order}`);
});

app.metrics("/metrics");
app.health();

export default app;
