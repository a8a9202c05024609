// The smallest application. Run it: bunx robyn examples/01-hello/app.ts
import { Robyn } from "robyn";

const app = new Robyn();

app.get("/", () => "Hello, world");

export default app;
