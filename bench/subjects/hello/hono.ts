import { Hono } from "hono";

const app = new Hono().get("/", (context) => context.text("Hello, world"));
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  development: false,
  fetch: app.fetch,
});
