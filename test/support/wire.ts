/** A cable to a server that can be cut: what was on its way is held, and may arrive later. New connections go through. */
interface Line {
  readonly client: Bun.Socket<Line | undefined>;
  server: Bun.Socket<Line> | undefined;
  isCut: boolean;
  /** Pieces of the client that still go through. */
  passes: number;
  /** Of the client, in order. */
  readonly held: Buffer[];
}

export class Wire implements Disposable {
  /** Pieces of the client of a new connection that go through; one is the greeting of a Redis client. */
  passes: number = Number.POSITIVE_INFINITY;
  readonly #lines: Line[] = [];
  readonly #listener: Bun.TCPSocketListener<Line | undefined>;
  readonly #port: number;

  /** @param port of the server, at 127.0.0.1 */
  constructor(port: number) {
    this.#port = port;
    this.#listener = Bun.listen<Line | undefined>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (client) => void this.#open(client),
        data: (client, bytes) => this.#send(client.data, Buffer.from(bytes)),
        close: ({ data: line }) => {
          // What the client has sent is still on its way.
          if (line !== undefined && line.held.length === 0) line.server?.end();
        },
        error() {},
      },
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#listener.port}`;
  }

  get connections(): number {
    return this.#lines.length;
  }

  /** Connections that are there send and hear nothing any more. */
  cut(): void {
    for (const line of this.#lines) line.isCut = true;
  }

  /** What was held arrives. @returns how many bytes that were */
  heal(): number {
    let bytes = 0;
    for (const line of this.#lines) {
      line.isCut = false;
      for (const held of line.held.splice(0)) bytes += line.server?.write(held) ?? 0;
      line.server?.flush();
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    for (const { server, client } of this.#lines) {
      server?.terminate();
      client.terminate();
    }
  }

  async #open(client: Bun.Socket<Line | undefined>): Promise<void> {
    const line: Line = { client, server: undefined, isCut: false, passes: this.passes, held: [] };
    client.data = line;
    this.#lines.push(line);
    const socket = {
      data: (_: unknown, bytes: Buffer) => {
        if (!line.isCut) client.write(bytes);
      },
      close: () => void client.end(),
      error() {},
    };
    const target = { hostname: "127.0.0.1", port: this.#port };
    line.server = await Bun.connect<Line>({ ...target, data: line, socket });
    for (const bytes of line.held.splice(0)) this.#send(line, bytes);
  }

  #send(line: Line | undefined, bytes: Buffer): void {
    if (line === undefined) return;
    if (line.server === undefined || line.isCut || line.passes === 0) {
      line.held.push(bytes);
      return;
    }
    line.passes--;
    line.server.write(bytes);
  }
}
