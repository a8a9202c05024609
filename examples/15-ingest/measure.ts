// Writing in the request against writing through the channel: bun examples/15-ingest/measure.ts [seconds] [processes]
// 64 clients. CPU is of all processes of the server, per event; memory is resident at the end, shared pages counted in each.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const seconds = Number(process.argv[2] ?? 5);
const processes = process.argv[3] ?? "1";
const clients = 64;

interface Figures {
  mode: string;
  "events/s": number;
  "p50 ms": string;
  "p99 ms": string;
  "CPU µs": string;
  "RSS MB": string;
  "all stored after ms": number;
}

console.table([await measure("direct"), await measure("channel")]);
process.exit(0);

async function measure(mode: "direct" | "channel"): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "ingest-"));
  const app = join(import.meta.dir, "app.ts");
  const robyn = join(import.meta.dir, "..", "..", "bin", "robyn.ts");
  const server = Bun.spawn(
    [process.execPath, robyn, app, "--port", "0", "--processes", processes, "--log-level", "error"],
    {
      env: { ...process.env, INGEST: mode, EVENTS_FILE: join(folder, "events.sqlite") },
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  try {
    const url = await urlOf(server.stdout);
    await load(url, Math.min(1, seconds / 2));
    const before = usageOf(server.pid);
    const latencies = (await load(url, seconds)).sort((left, right) => left - right);
    const after = usageOf(server.pid);
    const begin = performance.now();
    while ((await waiting(url)) > 0) await Bun.sleep(1);
    const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1);
    return {
      mode,
      "events/s": Math.round(latencies.length / seconds),
      "p50 ms": at(0.5),
      "p99 ms": at(0.99),
      "CPU µs": (((after.cpu_ms - before.cpu_ms) * 1e3) / latencies.length).toFixed(0),
      "RSS MB": (after.resident_bytes / 1e6).toFixed(0),
      "all stored after ms": Math.round(performance.now() - begin),
    };
  } finally {
    server.kill();
    await server.exited;
    rmSync(folder, { recursive: true });
  }
}

async function waiting(url: string): Promise<number> {
  const counts: unknown = await (await fetch(`${url}/events/channel`)).json();
  if (typeof counts !== "object" || counts === null || !("depth" in counts)) return 0;
  return Number(counts.depth);
}

/** @returns milliseconds from request to answer, of each event */
async function load(url: string, duration_s: number): Promise<number[]> {
  const latencies: number[] = [];
  const end = performance.now() + duration_s * 1e3;
  const client = async (number: number) => {
    while (performance.now() < end) {
      const begin = performance.now();
      const answer = await fetch(`${url}/events`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ kind: "temperature", value: number }),
      });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
      await answer.json();
      latencies.push(performance.now() - begin);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return latencies;
}

async function urlOf(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const found = /http:\/\/\S+/.exec(text);
    if (found !== null) return found[0].replace(/\/$/, "");
  }
  throw new Error(`the server printed no URL: ${text}`);
}

interface Usage {
  readonly cpu_ms: number;
  readonly resident_bytes: number;
}

/** The process and its workers. */
function usageOf(pid: number): Usage {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean);
  const all = [pid, ...children.map(Number)].map(readUsage);
  return {
    cpu_ms: all.reduce((sum, it) => sum + it.cpu_ms, 0),
    resident_bytes: all.reduce((sum, it) => sum + it.resident_bytes, 0),
  };
}

/** From /proc: user and system time in hundredths of a second, resident pages of 4 KiB. */
function readUsage(pid: number): Usage {
  const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] ?? "").split(" ");
  return {
    cpu_ms: (Number(fields[11]) + Number(fields[12])) * 10,
    resident_bytes: Number(fields[21]) * 4_096,
  };
}
