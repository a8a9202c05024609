/** A subject as a process of its own. */
import { onServerProcessor } from "./machine.ts";
import { descendantsOf, peakOf, type Usage, usageOf } from "./usage.ts";

export interface Server {
  readonly origin: string;
  readonly port: number;
  usage(): Usage;
  /** The most memory that was ever resident, children not counted. */
  peakBytes(): number;
  stop(): Promise<void>;
}

/** Elysia needs seconds to define 10,000 routes; whoever needs longer has failed. */
const startTimeoutMilliseconds = 60_000;

/** Starts a subject and waits until it answers anything at all. */
export async function startServer(command: readonly string[]): Promise<Server> {
  const child = spawnServer(command);
  const errors = new Response(child.stderr).text();
  const announced = await announcedPort(child.stdout);
  const server: Server = {
    origin: `http://127.0.0.1:${announced}`,
    port: announced ?? 0,
    usage: () => usageOf(child.pid),
    peakBytes: () => peakOf(child.pid),
    stop: () => stopServer(child),
  };
  if (announced !== undefined && (await answers(server.origin, child))) return server;
  await server.stop();
  const why = (await errors)
    .trim()
    .split("\n")
    .find((line) => /error/i.test(line));
  throw new Error(`did not start: ${why ?? "no port was announced"}`);
}

export type ServerProcess = Bun.Subprocess<"ignore", "pipe", "pipe">;

/** Whoever ends this process must not leave a subject behind on the processor. */
const running = new Set<ServerProcess>();
process.on("exit", () => running.forEach(killTree));

export function spawnServer(command: readonly string[]): ServerProcess {
  const child = Bun.spawn(onServerProcessor(command), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NODE_ENV: "production", PYTHONDONTWRITEBYTECODE: "1" },
  });
  running.add(child);
  return child;
}

/** Killed, not asked: what a shutdown costs is not measured, and a subject that drains would hold the run up. */
export async function stopServer(child: ServerProcess): Promise<void> {
  killTree(child);
  await child.exited;
  running.delete(child);
}

function killTree(child: ServerProcess): void {
  for (const pid of descendantsOf(child.pid)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself since it was listed.
    }
  }
  child.kill("SIGKILL");
}

async function announcedPort(stdout: ReadableStream<Uint8Array>): Promise<number | undefined> {
  const timeout = Bun.sleep(startTimeoutMilliseconds).then(() => undefined);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  // Read to the end: a subject whose pipe is full would stop.
  void (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of stdout) {
      if (text.length < 10_000) text += decoder.decode(chunk, { stream: true });
      const port = /^listening (\d+)$/m.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    }
    resolve(undefined);
  })();
  return Promise.race([promise, timeout]);
}

/** Some announce the port before they listen on it. */
async function answers(origin: string, child: ServerProcess): Promise<boolean> {
  const deadline = performance.now() + startTimeoutMilliseconds;
  while (performance.now() < deadline && child.exitCode === null) {
    try {
      await (await fetch(origin)).text();
      return true;
    } catch {
      await Bun.sleep(10);
    }
  }
  return false;
}
