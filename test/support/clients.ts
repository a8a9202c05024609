/**
 * Clients that keep asking, each as a well-behaved one does: a keep-alive client uses its connection until an answer says
 * `Connection: close`, a fresh one opens a connection per request. What is no answer is a failure and says what it was.
 */
import { connect, type Socket } from "node:net";

export interface ClientsOptions {
  readonly port: number;
  /** Clients that keep their connection. */
  readonly keepAlive: number;
  /** Clients that take a new one for each request. */
  readonly fresh: number;
  /** Requests per second of all together. */
  readonly perSecond: number;
  readonly path?: string;
}

export interface Failure {
  readonly kind: "keep-alive" | "fresh";
  readonly why: string;
  /** Milliseconds of `performance.now()` when the connection was opened and when the request was sent. */
  readonly openedAt: number;
  readonly sentAt: number;
  /** Process that had answered on this connection before, or 0. */
  readonly pid: number;
}

export class Clients implements Disposable {
  readonly failures: Failure[] = [];
  /** When each process answered first. */
  readonly firstSeen = new Map<number, number>();
  /** Milliseconds of each answer, from the request; for a fresh connection its opening among them. */
  readonly latencies: number[] = [];
  answered = 0;
  #isStopping = false;
  readonly #open = new Set<Connection>();
  readonly #done: Promise<unknown>;
  readonly #options: ClientsOptions;

  private constructor(options: ClientsOptions) {
    this.#options = options;
    const loops = [
      ...Array.from({ length: options.keepAlive }, () => this.#loop("keep-alive")),
      ...Array.from({ length: options.fresh }, () => this.#loop("fresh")),
    ];
    this.#done = Promise.all(loops);
  }

  static start(options: ClientsOptions): Clients {
    return new Clients(options);
  }

  async stop(): Promise<{ answered: number; failures: Failure[] }> {
    this.#isStopping = true;
    await this.#done;
    return { answered: this.answered, failures: this.failures };
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
    for (const connection of this.#open) connection.close();
  }

  async #loop(kind: Failure["kind"]): Promise<void> {
    const { port, keepAlive, fresh, perSecond, path = "/who" } = this.#options;
    const pause_ms = (1_000 * (keepAlive + fresh)) / perSecond;
    const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${kind === "fresh" ? "Connection: close\r\n" : ""}\r\n`;
    let connection: Connection | undefined;
    let next = performance.now() + Math.random() * pause_ms;
    while (!this.#isStopping) {
      const early = next - performance.now();
      if (early > 0) await Bun.sleep(early);
      next += pause_ms;
      // A connection that was closed while it was idle is no failure: a client that sees it takes another.
      if (connection === undefined || connection.isClosed) connection = this.#connect(port);
      const sentAt = performance.now();
      try {
        const { pid, isLast } = await connection.ask(head);
        this.answered++;
        this.latencies.push(performance.now() - sentAt);
        connection.pid = pid;
        if (!this.firstSeen.has(pid)) this.firstSeen.set(pid, performance.now());
        if (!isLast && kind === "keep-alive") continue;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.failures.push({
          kind,
          why,
          openedAt: connection.openedAt,
          sentAt,
          pid: connection.pid,
        });
      }
      this.#drop(connection);
      connection = undefined;
    }
    if (connection !== undefined) this.#drop(connection);
  }

  #connect(port: number): Connection {
    const connection = new Connection(port, () => this.#open.delete(connection));
    this.#open.add(connection);
    return connection;
  }

  #drop(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
  }
}

const patience_ms = 10_000;

class Connection {
  readonly openedAt = performance.now();
  readonly #socket: Socket;
  #text = "";
  #answer = Promise.withResolvers<void>();
  #ended: string | undefined;
  pid = 0;

  constructor(port: number, onClosed: () => void) {
    this.#socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const end = (why: string) => {
      this.#ended ??= why;
      this.#answer.resolve();
    };
    this.#socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#answer.resolve();
    });
    this.#socket.on("error", (error) => end(error.message));
    this.#socket.on("close", () => {
      end("closed by the server");
      onClosed();
    });
  }

  get isClosed(): boolean {
    return this.#ended !== undefined;
  }

  async ask(head: string): Promise<{ pid: number; isLast: boolean }> {
    this.#text = "";
    this.#socket.write(head);
    const timer = setTimeout(() => {
      this.#ended ??= `no answer within ${patience_ms} ms`;
      this.#answer.resolve();
    }, patience_ms);
    try {
      for (;;) {
        const [answer, headers = "", length = "0"] =
          /^(HTTP[^]*?)\r\ncontent-length: (\d+)[^]*?\r\n\r\n/i.exec(this.#text) ?? [];
        const body = answer === undefined ? "" : this.#text.slice(answer.length);
        if (answer !== undefined && body.length >= Number(length)) {
          if (!headers.startsWith("HTTP/1.1 200")) throw new Error(answer);
          const pid = Number(/"pid":(\d+)/.exec(body)?.[1] ?? 0);
          return { pid, isLast: /^connection: close/im.test(answer) };
        }
        if (this.#ended !== undefined)
          throw new Error(`${this.#ended}; got ${JSON.stringify(this.#text)}`);
        this.#answer = Promise.withResolvers<void>();
        await this.#answer.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
