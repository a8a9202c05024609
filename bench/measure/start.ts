/** From the start of the process to its first answer: what a restart, a test or a short-lived container waits for. */
import { join } from "node:path";
import { obstacleOf } from "../harness/prepare.ts";
import { reasonOf } from "../harness/reason.ts";
import { spawnServer, stopServer } from "../harness/server.ts";
import type { Options } from "../options.ts";
import { median, type Row, type Sample } from "../results.ts";
import { benchDirectory, coreDirectory, type Subject, subjects } from "../subjects.ts";
import { rotate } from "./http.ts";

interface Starter {
  readonly label: string;
  readonly subject: Subject;
  readonly command: (port: string) => string[];
}

const root = join(benchDirectory, "..");
const app = join(root, "examples/01-hello/app.ts");

const starters: readonly Starter[] = [
  hello("bare", subjects.bare),
  commandLine("robyn-core", subjects.robynCore, coreDirectory),
  commandLine("robyn", subjects.robyn, root),
  { ...hello("robyn", subjects.robyn), label: "robyn (no command line)" },
  hello("elysia-next", subjects.elysiaNext),
  hello("elysia", subjects.elysia),
  hello("hono", subjects.hono),
];

const startsEach = 15;
const deadlineMilliseconds = 20_000;

export async function measureStart(options: Options): Promise<Row<Sample>[]> {
  const chosen = starters.filter(
    ({ label, subject }) =>
      options.subjects.length === 0 ||
      label.startsWith("robyn") ||
      label === "bare" ||
      options.subjects.includes(subject.id),
  );
  const times = new Map<Starter, number[]>(chosen.map((starter) => [starter, []]));
  const skipped = new Map<Starter, string>();
  const failed = new Map<Starter, string>();
  for (const starter of chosen) {
    const reason = obstacleOf(starter.subject);
    if (reason !== undefined) skipped.set(starter, reason);
  }
  console.error("bench: start");
  // One round more: the first only brings the files into the page cache.
  for (let round = 0; round <= (options.quick ? 1 : startsEach); round++) {
    for (const starter of rotate(chosen, round)) {
      if (skipped.has(starter) || failed.has(starter)) continue;
      try {
        const milliseconds = await startOnce(starter);
        if (round > 0) times.get(starter)?.push(milliseconds);
      } catch (error) {
        failed.set(starter, reasonOf(error));
      }
    }
  }
  return chosen.map((starter): Row<Sample> => {
    const { label } = starter;
    const reason = failed.get(starter);
    if (reason !== undefined) return { state: "failed", label, reason };
    const missing = skipped.get(starter);
    if (missing !== undefined) return { state: "skipped", label, reason: missing };
    const rounds = times.get(starter) ?? [];
    return { state: "measured", label, median: median(rounds), rounds };
  });
}

async function startOnce({ command }: Starter): Promise<number> {
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  const begin = performance.now();
  const child = spawnServer(command(String(port)));
  // Read, or a full pipe would stop the subject.
  void new Response(child.stdout).text();
  const errors = new Response(child.stderr).text();
  try {
    while (performance.now() - begin < deadlineMilliseconds && child.exitCode === null) {
      const response = await fetch(url).catch(() => undefined);
      if (response === undefined) {
        await Bun.sleep(0.5);
        continue;
      }
      const text = await response.text();
      const milliseconds = performance.now() - begin;
      if (response.status === 200 && text === "Hello, world") return milliseconds;
      throw new Error(`wrong answer: ${response.status} ${JSON.stringify(text.slice(0, 40))}`);
    }
  } finally {
    await stopServer(child);
  }
  const why = (await errors)
    .trim()
    .split("\n")
    .find((line) => /error/i.test(line));
  throw new Error(`did not start: ${why ?? "no answer"}`);
}

/** Subjects are told a port here, because not all of them say which one they got. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

function commandLine(label: string, subject: Subject, copy: string): Starter {
  const bin = join(copy, "bin/robyn.ts");
  return { label, subject, command: (port) => [process.execPath, bin, app, "--port", port] };
}

function hello(name: string, subject: Subject): Starter {
  const file = join(benchDirectory, "subjects/hello", `${name}.ts`);
  return { label: name, subject, command: (port) => [process.execPath, file, port] };
}
