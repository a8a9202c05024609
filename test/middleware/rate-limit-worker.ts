/** One process of a cluster that has no port: asks its own app as often as it is told, and prints how often it got in. */
import { rateLimit, Robyn } from "robyn";

const [, , core = "zig", count = "0"] = process.argv;
const app = new Robyn({ core: core === "portable" ? "portable" : "zig" });
app.beforeRequest(rateLimit({ limit: 5_000, window: 432_000, by: () => "everybody" }));
app.get("/", { rateLimit: { limit: 1_000, window: 86_400, by: () => "everybody" } }, () => "in");
await app.request("/none");
console.log("ready");
await Bun.stdin.text();
let passed = 0;
for (let index = 0; index < Number(count); index++)
  if ((await app.request("/")).status === 200) passed++;
console.log(`passed ${passed}`);
