/**
 * A raw TCP client: sends exactly the bytes it is given. `fetch` would normalise the path, add headers, follow
 * redirects and decompress, and so hide what is tested.
 */
import type { Socket } from "bun";
import { parseResponse, type RawResponse } from "./raw-parser.ts";
import { within } from "./wait.ts";

export type { RawResponse } from "./raw-parser.ts";

interface Received {
  bytes: Buffer;
  closed: boolean;
  changed: PromiseWithResolvers<void>;
}

export class RawClient implements Disposable {
  readonly #socket: Socket<undefined>;
  readonly #wake: () => void;
  readonly #state: Received;

  private constructor(socket: Socket<undefined>, state: Received, wake: () => void) {
    this.#socket = socket;
    this.#state = state;
    this.#wake = wake;
  }

  /** `paused`: a client that does not read, so that the buffers of the connection fill up. */
  static async connect(port: number, { paused = false } = {}): Promise<RawClient> {
    const state: Received = {
      bytes: Buffer.alloc(0),
      closed: false,
      changed: Promise.withResolvers<void>(),
    };
    const wake = () => {
      state.changed.resolve();
      state.changed = Promise.withResolvers<void>();
    };
    const close = () => {
      state.closed = true;
      wake();
    };
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data(_, chunk) {
          state.bytes = Buffer.concat([state.bytes, chunk]);
          wake();
        },
        close,
        end: close,
        error: close,
      },
    });
    if (paused) socket.pause();
    return new RawClient(socket, state, wake);
  }

  /** Everything received and not yet taken by `next()`. */
  get received(): string {
    return this.#state.bytes.toString("latin1");
  }

  get isClosed(): boolean {
    return this.#state.closed;
  }

  send(bytes: string | Uint8Array): this {
    let rest = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
    rest = rest.subarray(this.#socket.write(rest));
    // A full socket buffer takes only a part; the remainder follows as fast as the peer reads.
    if (rest.length > 0) void this.#sendLater(rest);
    return this;
  }

  /** Reads no more: the buffers of the connection fill up. */
  pause(): this {
    this.#socket.pause();
    return this;
  }

  /** Reads on, after `paused`. */
  resume(): this {
    this.#socket.resume();
    return this;
  }

  /** The next complete response. `method` of the request: the answer to HEAD has no body. */
  async next(method = "GET"): Promise<RawResponse> {
    for (;;) {
      const { bytes, closed } = this.#state;
      const parsed = parseResponse(bytes, method, closed);
      if (parsed !== undefined) {
        this.#state.bytes = bytes.subarray(parsed.end);
        return parsed.response;
      }
      if (closed) throw new Error(`closed before a response was complete: ${this.received}`);
      await within(() => `a response; so far ${JSON.stringify(this.received)}`, this.changed());
    }
  }

  /** Resolves once `pattern` occurs in what was received. */
  async sees(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      if (this.isClosed) throw new Error(`closed before ${pattern}: ${this.received}`);
      await within(() => `${pattern}; so far ${JSON.stringify(this.received)}`, this.changed());
    }
  }

  /** Resolves once the server has closed the connection. */
  async closes(): Promise<void> {
    while (!this.isClosed) await within("the server to close", this.changed());
  }

  /** Leaves without a goodbye (RST where the system allows it). */
  vanish(): void {
    this.#socket.terminate();
    this.#state.closed = true;
    this.#wake();
  }

  [Symbol.dispose](): void {
    if (!this.isClosed) this.vanish();
  }

  /** Resolves when something came, or the end. */
  changed(): Promise<void> {
    return this.#state.changed.promise;
  }

  async #sendLater(bytes: Buffer): Promise<void> {
    let rest = bytes;
    while (rest.length > 0 && !this.isClosed) {
      await Bun.sleep(1);
      rest = rest.subarray(Math.max(this.#socket.write(rest), 0));
    }
  }
}

/** Sends `bytes` on a new connection and returns the first response. */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
  method = "GET",
): Promise<RawResponse> {
  using client = await RawClient.connect(port);
  return await client.send(bytes).next(method);
}

/** The head of a request: `request("GET", "/", { accept: "x" })`. A `Host` is added unless one is given. */
export function request(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): string {
  const all: Record<string, string> = { Host: "localhost", ...headers };
  if (body !== "") all["Content-Length"] ??= String(Buffer.byteLength(body));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
