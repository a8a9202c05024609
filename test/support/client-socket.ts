/** Bun's own WebSocket client, to await things with. */
import { until, within } from "./wait.ts";

export class ClientSocket implements Disposable {
  readonly messages: (string | Buffer)[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => void this.messages.push(data as string | Buffer);
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
    this.closed = promise;
  }

  static async connect(port: number, path: string): Promise<ClientSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    const client = new ClientSocket(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`no WebSocket at ${path}`));
    await within("a handshake", promise);
    return client;
  }

  send(message: string | Uint8Array<ArrayBuffer>): this {
    this.#socket.send(message);
    return this;
  }

  /** The first `count` messages, waited for. */
  async receives(count: number): Promise<(string | Buffer)[]> {
    await until(
      () => `${count} messages; so far ${JSON.stringify(this.messages.slice(0, 10))}`,
      () => this.messages.length >= count,
    );
    return this.messages.slice(0, count);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
