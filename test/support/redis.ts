/** A real redis-server on a free port, with a directory of its own, for the length of a test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { until } from "./wait.ts";

const program = Bun.which("redis-server");
/** Tests of Redis skip where it is not installed. */
export const hasRedis = program !== null;
if (!hasRedis) console.warn('what needs Redis is skipped: there is no "redis-server" in PATH');

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "robyn-redis-"));
  #process: Bun.Subprocess | undefined;
  readonly #onExit = () => this.#process?.kill("SIGKILL");

  readonly #host: string;
  readonly #flags: readonly string[];

  private constructor(port: number, host: string, flags: readonly string[]) {
    this.port = port;
    this.#host = host;
    this.#flags = flags;
    // Where the process ends before the test does.
    process.on("exit", this.#onExit);
  }

  /**
   * @param host to listen on; other than 127.0.0.1 in a network namespace of the test only.
   * @param flags beside the usual ones, over which they win
   */
  static async start(host = "127.0.0.1", flags: readonly string[] = []): Promise<RedisServer> {
    // Somebody else may take a port between the look and the start.
    for (let attempt = 1; ; attempt++) {
      const server = new RedisServer(freePort(), host, flags);
      try {
        await server.begin();
        return server;
      } catch (error) {
        await server[Symbol.asyncDispose]();
        if (attempt === 3) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async begin(): Promise<void> {
    const files = ["--dir", this.#folder, "--save", "", "--appendonly", "no"];
    const address = ["--bind", this.#host, "--port", String(this.port)];
    this.#process = Bun.spawn(
      [program!, ...address, ...files, "--protected-mode", "no", ...this.#flags],
      {
        stdout: "ignore",
        stderr: "ignore",
      },
    );
    await until("redis-server to answer", async () => {
      if (this.#process?.exitCode !== null) throw new Error("redis-server ended");
      using client = new Client(this.url);
      return (await client.ask("PING")) === "PONG";
    });
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  /** Alive and silent, like a peer behind a cut cable. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  async ask(command: string, ...args: string[]): Promise<unknown> {
    using client = new Client(this.url);
    return await client.ask(command, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off("exit", this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class Client implements Disposable {
  readonly #client: RedisClient;

  constructor(url: string) {
    this.#client = new RedisClient(url, { autoReconnect: false });
  }

  /** @returns undefined if nobody answers */
  async ask(command: string, ...args: string[]): Promise<unknown> {
    try {
      await this.#client.connect();
      return await this.#client.send(command, args);
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
