import { Elysia } from "elysia-next";

const app = new Elysia().get("/", () => "Hello, world");
app.listen({ hostname: "127.0.0.1", port: Number(process.argv[2]) });
