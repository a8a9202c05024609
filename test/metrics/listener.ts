/** A listener of the cluster tests: an application on the segment that it inherited; prints its port. */
import { createLogger, Robyn } from "../../src/index.ts";

const core = process.env.TEST_CORE === "portable" ? "portable" : "zig";
const app = new Robyn({ core, logger: createLogger("error") });
const work = app.counter("work_total", "Work done.", ["kind"]);
const size = app.histogram("work_size_bytes", "Sizes.", [], { range: [1, 1_024] });
const level = app.gauge("level", "Level.");
const oldest = app.gauge("oldest_seconds", "Oldest.", [], { combine: "max" });

app.get("/work/:kind", ({ params }) => {
  work.inc({ kind: params.kind });
  size.observe(params.kind.length);
  return "done";
});
app.get("/level/:value", ({ params }) => {
  level.set(Number(params.value));
  oldest.set(Number(params.value));
  return "set";
});
app.get("/waits", () => new Promise(() => {}));
app.metrics("/metrics");

const { port } = await app.start({ port: 0, host: "127.0.0.1", banner: false, signals: false });
console.log(`port ${port}.`);
