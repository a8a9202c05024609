/** A server in a process of its own, which says how much memory it took and how long its loop stood still. */
import { readFileSync, writeFileSync } from "node:fs";
import { Robyn } from "../../src/index.ts";

const app = new Robyn({ timeout: 0 });
const tick_ms = 2;
let stall_ms = 0;
let last = performance.now();
setInterval(() => {
  const now = performance.now();
  stall_ms = Math.max(stall_ms, now - last - tick_ms);
  last = now;
}, tick_ms);

/** Kilobytes of a line of /proc/self/status: VmRSS is the memory of now, VmHWM the most since the last reset. */
function memory(name: "VmRSS" | "VmHWM"): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
    readFileSync("/proc/self/status", "utf8"),
  );
  return Number(found?.[1]) * 1_024;
}

app.get("/reset", () => {
  Bun.gc(true);
  writeFileSync("/proc/self/clear_refs", "5");
  stall_ms = 0;
  last = performance.now();
  return { rss: memory("VmRSS") };
});
app.get("/figures", () => ({ peak: memory("VmHWM"), stall_ms }));
app.get("/query", ({ query }) => Object.keys(query).length);
app.post("/ignore", () => "ignored");
app.post("/text", async ({ text }) => (await text()).length);
app.post("/json", { maxPayloadSize: 10_000_000 }, async ({ json }) => typeof (await json()));
const directory = process.env.SPOOL;
app.post("/form", async ({ form }) => Object.keys((await form({ directory })).fields).length);
app.post(
  "/streamed-form",
  { stream: true },
  async ({ form }) => (await form({ directory })).files.a?.length,
);
app.post(
  "/upload",
  { maxPayloadSize: 2_147_483_648, stream: true, uploadTimeout: 120 },
  async ({ form, query }) => {
    const [upload] = (await form({ directory })).files.file ?? [];
    if (typeof query.to === "string") await upload?.saveTo(query.to);
    return upload?.size;
  },
);
app.post("/stuck", { maxPayloadSize: 10_000_000 }, async ({ form }) => {
  await form({ directory, maxMemory: 0 });
  return await new Promise(() => {});
});

await app.start({ port: 0, maxPayloadSize: 1_000_000, shutdownTimeout: 0 });
