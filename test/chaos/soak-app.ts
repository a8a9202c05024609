/** The application that is soaked: a bit of everything. The file that it serves, and its uploads, lie in its folder. */
export const fileBytes = 200_000;

export const soakSource = `import { Robyn, serveFile, sse, t } from "robyn";
// Errors are part of the mix; their log would be megabytes.
const nobody = () => {};
const app = new Robyn({ logger: { debug: nobody, info: nobody, warn: nobody, error: nobody } });
app.get("/who", () => ({ pid: process.pid, ...app.cluster, version: "" }));
app.get("/users/:id", { params: t.Object({ id: t.Integer() }) }, ({ params }) => ({ id: params.id, name: "Ada" }));
app.post("/orders", { body: t.Object({ sku: t.String(), count: t.Integer({ minimum: 1 }) }) }, ({ body, status }) =>
  status(201, { total: body.count * 2 }));
app.post("/upload", { stream: true }, async ({ form }) => {
  const { files } = await form({ directory: ".", maxMemory: 0 });
  return { size: files.file?.[0]?.size ?? 0 };
});
app.get("/file", () => serveFile("file.bin"));
app.get("/kept/:id", { cache: { ttl: 2, staleWhileRevalidate: 2, vary: ["accept-language"], tags: ["kept"] } }, async ({ params }) => {
  await Bun.sleep(1);
  return { id: params.id, text: "x".repeat(3_000) };
});
app.post("/forget", () => { app.cache.invalidate({ tag: "kept" }); return "done"; });
app.get("/limited/:client", { rateLimit: { limit: 3, window: 3_600, by: ({ params }) => params.client } }, () => "in");
app.get("/fails", () => { throw new Error("as asked"); });
app.get("/slow", async ({ signal }) => {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  return "nobody reads this";
});
app.get("/events", () => sse(async function* ({ signal }) {
  for (let count = 0; !signal.aborted; count++) { yield "event " + count; await Bun.sleep(5); }
}));
const sessions = app.counter("soak_total", "Requests by kind.", ["kind"]);
app.beforeRequest("/users/*", () => { sessions.inc({ kind: "users" }); });
app.metrics("/metrics");
export default app;`;
