/** A WebSocket of a test: what comes is awaited, and a refused handshake says with which status. */

export interface TestSocketOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Subprotocols that are offered. */
  readonly protocols?: readonly string[];
  /** Seconds that `next()` and `closed` wait before they fail. Default 5. */
  readonly timeout?: number;
}

export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

/** The server answered the handshake with another status than 101. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  /** 0 where there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class TestSocket implements AsyncIterable<string | Uint8Array>, Disposable {
  readonly #socket: WebSocket;
  readonly #timeout_ms: number;
  readonly #received: (string | Uint8Array)[] = [];
  readonly #closed = Promise.withResolvers<CloseInfo>();
  #closeInfo: CloseInfo | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket, timeout_s: number) {
    this.#socket = socket;
    this.#timeout_ms = timeout_s * 1_000;
    socket.onmessage = ({ data }) => {
      this.#received.push(data as string | Buffer);
      this.#wake?.();
    };
    socket.onclose = ({ code, reason }) => {
      this.#closeInfo = { code, reason };
      this.#closed.resolve(this.#closeInfo);
      this.#wake?.();
    };
  }

  /** @internal @throws HandshakeError */
  static async connect(
    url: string,
    { headers = {}, protocols = [], timeout = 5 }: TestSocketOptions,
  ): Promise<TestSocket> {
    const socket = new WebSocket(url, { headers: { ...headers }, protocols: [...protocols] });
    const client = new TestSocket(socket, timeout);
    const { promise, resolve, reject } = Promise.withResolvers<TestSocket>();
    socket.onopen = () => resolve(client);
    socket.onerror = (event) => {
      const message = "message" in event ? String(event.message) : "no connection";
      // Bun's client tells the status only here.
      const status = Number(/101 status code: (\d{3})/.exec(message)?.[1] ?? 0);
      reject(new HandshakeError(status, message));
    };
    return await promise;
  }

  /** The subprotocol that was agreed on, `""` for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Strings and bytes as they are, anything else as JSON. */
  send(message: unknown): this {
    if (typeof message === "string" || message instanceof ArrayBuffer) this.#socket.send(message);
    else if (ArrayBuffer.isView(message)) this.#socket.send(message as Uint8Array<ArrayBuffer>);
    else this.#socket.send(JSON.stringify(message));
    return this;
  }

  /** The next message. The promise rejects when the socket closes before, and after `timeout` seconds. */
  async next(): Promise<string | Uint8Array> {
    if (this.#received.length === 0 && this.#closeInfo === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await this.#inTime("a message", promise);
    }
    const message = this.#received.shift();
    if (message !== undefined) return message;
    const { code, reason } = this.#closeInfo ?? { code: 1006, reason: "" };
    throw new Error(`the socket was closed with ${code} ${reason}`.trimEnd());
  }

  /** The next message, parsed as JSON. */
  async json(): Promise<unknown> {
    const message = await this.next();
    return JSON.parse(typeof message === "string" ? message : Buffer.from(message).toString());
  }

  /** Resolves when the socket is closed, by whichever side. */
  get closed(): Promise<CloseInfo> {
    return this.#inTime("a close", this.#closed.promise);
  }

  /** Closes, and waits until that is done. */
  async close(code = 1000, reason = ""): Promise<CloseInfo> {
    this.#socket.close(code, reason);
    return await this.closed;
  }

  /** The messages until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array, void, undefined> {
    while (this.#received.length > 0 || this.#closeInfo === undefined) {
      try {
        yield await this.next();
      } catch (error) {
        if (this.#closeInfo === undefined) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  async #inTime<Value>(what: string, promise: Promise<Value>): Promise<Value> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`waited ${this.#timeout_ms} ms in vain for ${what}`)),
      this.#timeout_ms,
    );
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
