/** Thousands of WebSockets that say nothing: what each takes, and that none is dropped, since pings are answered. */
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { processTimeout_ms, robyn } from "../support/process.ts";
import { until } from "../support/wait.ts";
import type { FromClient } from "./idle-client.ts";
import type { Report } from "./report.ts";

export interface IdleOptions {
  readonly sockets: number;
  readonly seconds: number;
  /** Of the server: it asks in time whether clients are there, so every socket has to be asked while it is idle. */
  readonly idleTimeout_s: number;
}

const bytes_max = 12 * 1_024;
/** The driver must not fall over first. */
const clientProcesses = 4;

const source = (idleTimeout: number) => `import { Robyn } from "robyn";
const app = new Robyn({ websockets: { idleTimeout: ${idleTimeout} } });
const closes = [];
let open = 0;
app.websocket("/", {
  open() { open++; },
  message(ws, text) { ws.send(text); },
  close(ws, code) { open--; closes.push(code); },
});
app.get("/report", () => {
  Bun.gc(true);
  return { open, closes: closes.length, rss: process.memoryUsage.rss() };
});
export default app;`;

export async function idleSockets({
  sockets,
  seconds,
  idleTimeout_s,
}: IdleOptions): Promise<Report> {
  using folder = temporaryFolder({ "app.ts": source(idleTimeout_s) });
  await using server = robyn(["app.ts", "--port", "0", "--log-level", "error"], {
    cwd: folder.path,
  });
  const port = await server.prints(/http:\/\/\S+?:(\d+)\//).then((found) => Number(found[1]));
  const report = async () =>
    (await (await fetch(`http://127.0.0.1:${port}/report`)).json()) as {
      open: number;
      closes: number;
      rss: number;
    };
  // The first sockets pay for code that is compiled once.
  const first = await Crew.open(port, 200);
  await first.echo();
  first.end();
  await until("the first to be gone", async () => (await report()).open === 0, processTimeout_ms);
  const before = await report();
  const crew = await Crew.open(port, sockets);
  try {
    await until("all to be open", async () => (await report()).open === sockets, processTimeout_ms);
    const { rss } = await report();
    const perSocket = Math.round((rss - before.rss) / sockets);
    await Bun.sleep(seconds * 1_000);
    const later = await report();
    const { answered, closed, pings } = await crew.echo();
    const last = await report();
    const failures = [
      perSocket > bytes_max && `${perSocket} bytes for each, above ${bytes_max}`,
      last.open !== sockets && `${last.open} of ${sockets} are left`,
      last.closes > before.closes && `${last.closes - before.closes} were closed by the server`,
      closed > 0 && `${closed} were closed, as the clients saw it`,
      answered !== sockets && `${answered} of ${sockets} answer`,
    ];
    return {
      name: `${sockets} WebSockets that are idle for ${seconds} s`,
      failures: failures.filter((it) => it !== false),
      figures: {
        "bytes per socket": perSocket,
        "bytes per socket at the end": Math.round((later.rss - before.rss) / sockets),
        "pings answered": pings,
        dropped: sockets - last.open,
      },
    };
  } finally {
    crew.end();
  }
}

/** Several processes with raw sockets each. */
class Crew {
  readonly #clients: Client[];

  private constructor(clients: Client[]) {
    this.#clients = clients;
  }

  static async open(port: number, sockets: number): Promise<Crew> {
    const each = sockets / clientProcesses;
    const clients = Array.from({ length: clientProcesses }, () => new Client(port, each));
    try {
      for (const client of clients) await client.says("open");
      return new Crew(clients);
    } catch (error) {
      for (const client of clients) client.end();
      throw error;
    }
  }

  /** Every socket says something, and has to hear it. */
  async echo() {
    const all = await Promise.all(this.#clients.map((client) => client.echo()));
    const sum = (of: (it: FromClient) => number) => all.reduce((total, it) => total + of(it), 0);
    return {
      answered: sum(({ answered }) => answered),
      closed: sum(({ closed }) => closed),
      pings: sum(({ pings }) => pings),
    };
  }

  end(): void {
    for (const client of this.#clients) client.end();
  }
}

class Client {
  readonly #process: Bun.Subprocess;
  #last: FromClient | undefined;

  constructor(port: number, sockets: number) {
    const script = join(import.meta.dir, "idle-client.ts");
    this.#process = Bun.spawn([process.execPath, script, String(port), String(sockets)], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: FromClient) => void (this.#last = message),
    });
  }

  async says(word: FromClient["word"]): Promise<FromClient> {
    return await until(
      () => `clients to be done with ${word}; they said ${Bun.inspect(this.#last)}`,
      () => {
        if (this.#process.exitCode !== null) throw new Error("a process of clients has ended");
        return this.#last?.word === word ? this.#last : undefined;
      },
      2 * processTimeout_ms,
    );
  }

  async echo(): Promise<FromClient> {
    this.#last = undefined;
    this.#process.send("echo");
    return await this.says("echo");
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }
}
