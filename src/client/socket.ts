/** A WebSocket that comes back: one object for the application, one connection after the other behind it. */
import { codecOf, type Encode } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import type { Environment } from "./environment.ts";
import { Ledger } from "./ledger.ts";
import { type CloseInfo, Link } from "./link.ts";
import { type AnyConnectOptions, checkConnectOptions } from "./options.ts";
import { Queue, type Waiting } from "./queue.ts";
import { Readers } from "./readers.ts";

export interface SocketEvents<Sent, Received> {
  message: Received;
  /** `again` is false the first time. What `resume` gave and what waited is sent already. */
  open: { readonly again: boolean };
  /** A connection ended, or did not come about. `isFinal`: there is no other. */
  close: CloseInfo & { readonly isFinal: boolean };
  /** The next attempt begins in so many seconds. */
  reconnect: { readonly failures: number; readonly seconds: number };
  /** A message that waited gave way to younger ones, or was left when the socket closed for good. */
  drop: Sent;
  /** Something that was received is no JSON, or a function of the options failed. */
  error: unknown;
}

/** `queued` waits for a connection; `refused` found no room, or the socket is closed for good. */
export type SendResult = "sent" | "queued" | "refused";

/** Milliseconds between looks at what the platform still holds: there is no event for it. */
const look_ms = 20;

export class ClientSocket<Sent = unknown, Received = unknown>
  implements AsyncIterable<Received>, Disposable
{
  readonly #link: Link;
  readonly #later: Environment["later"];
  readonly #encode: Encode;
  readonly #resume: (again: boolean) => Iterable<unknown>;
  readonly #queue: Queue<Sent>;
  /** What went to the present connection. */
  readonly #ledger: Ledger<Sent>;
  readonly #buffer_max: number;
  readonly #emitter = new Emitter<SocketEvents<Sent, Received>>({
    message: new Set(),
    open: new Set(),
    close: new Set(),
    reconnect: new Set(),
    drop: new Set(),
    error: new Set(),
  });
  readonly #readers: Readers<Received>;
  readonly #closed = Promise.withResolvers<CloseInfo>();
  #drained: PromiseWithResolvers<void> | undefined;
  #connection: Connection | undefined;
  #cancelLook: (() => void) | undefined;

  /** @internal @param url is asked before every connection */
  constructor(
    url: () => string | Promise<string>,
    options: AnyConnectOptions,
    environment: Environment,
  ) {
    checkConnectOptions(options);
    const { queue = {}, resume = () => [], raw = false, inbox = 10_000 } = options;
    const { messages = 1_000, bytes = 1_048_576, full = "drop-oldest" } = queue;
    const { encode, decode } = codecOf<Received>(raw);
    this.#later = environment.later;
    this.#encode = encode;
    this.#resume = resume;
    this.#readers = new Readers(inbox);
    this.#buffer_max = bytes;
    const limits = { messages, bytes, full };
    this.#queue = new Queue(limits, (message) => this.#emitter.emit("drop", message));
    this.#ledger = new Ledger(limits);
    this.#link = new Link(
      linkOptions(url, options, environment, (message) => {
        this.#ledger.add(undefined);
        return encode(message);
      }),
      {
        onOpen: (connection, again) => this.#opened(connection, again),
        onMessage: (data) => {
          try {
            this.#deliver(decode(data));
          } catch (error) {
            this.#emitter.emit("error", error);
          }
        },
        onClose: (info) => this.#down(info),
        onWait: (wait) => this.#emitter.emit("reconnect", wait),
        onError: (error) => this.#emitter.emit("error", error),
      },
      environment,
    );
    this.#link.start();
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true;
  }

  /** The subprotocol that was agreed on, `""` for none. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** Messages that wait for a connection. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when there will be no other connection: closed here, or by the server for good, or given up. */
  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  /**
   * Sends now, or when there is a connection again, in order and once. What is under way when a connection breaks may be
   * lost (not when a server goes away in order): only an answer of the server proves that a message arrived.
   *
   * @throws TypeError for what has no form on the wire
   */
  send(message: Sent): SendResult {
    const payload = this.#encode(message);
    if (this.#link.hasEnded) return "refused";
    if (this.#canSend && this.#queue.length === 0) {
      this.#hand({ message, payload });
      return "sent";
    }
    if (!this.#queue.push(message, payload)) return "refused";
    if (this.isOpen) this.#flush();
    return "queued";
  }

  /** Resolves when nothing waits any more, and when the socket is closed for good. */
  drained(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  /** @returns what takes the listener away again */
  on<Name extends keyof SocketEvents<Sent, Received>>(
    name: Name,
    listener: (event: SocketEvents<Sent, Received>[Name]) => void,
  ): () => void {
    const off = this.#emitter.on(name, listener);
    if (name !== "message") return off;
    const { messages, failure } = this.#readers.takeEarly();
    for (const message of messages) this.#emitter.emit("message", message);
    if (failure !== undefined) this.#emitter.emit("error", failure);
    return off;
  }

  /** The messages until the socket is closed for good: all of them for the first reader, else those from now on. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Received> {
    return this.#readers.read();
  }

  /**
   * For good. What was sent is delivered, what waits is not (`await socket.drained()` before).
   * @param code 1000 (default), or 3000 to 4999: others are not for clients.
   */
  close(code: number = 1000, reason: string = ""): void {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
      throw new RangeError(`close() was given the code ${code}; it takes 1000 and 3000 to 4999`);
    this.#link.close(code, reason);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #canSend(): boolean {
    return this.isOpen && (this.#connection?.buffered ?? 0) < this.#buffer_max;
  }

  #opened(connection: Connection, again: boolean): void {
    for (const message of this.#resume(again)) {
      connection.send(this.#encode(message));
      this.#ledger.add(undefined);
    }
    this.#connection = connection;
    this.#flush();
    this.#emitter.emit("open", { again });
  }

  #deliver(message: Received): void {
    this.#readers.push(message);
    this.#emitter.emit("message", message);
  }

  #hand(entry: Waiting<Sent>): void {
    this.#ledger.add(entry);
    this.#connection?.send(entry.payload);
  }

  #down(info: CloseInfo & { readonly isFinal: boolean }): void {
    this.#connection = undefined;
    this.#queue.putBack(this.#ledger.close(info.code, info.reason));
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#emitter.emit("close", info);
    if (!info.isFinal) return;
    this.#queue.abandon();
    this.#settleDrained();
    this.#readers.end();
    this.#closed.resolve({ code: info.code, reason: info.reason });
  }

  /** Hands over what waits, as far as the platform does not only pile it up. */
  #flush(): void {
    while (this.#queue.length > 0 && this.#canSend) {
      const next = this.#queue.shift();
      if (next !== undefined) this.#hand(next);
    }
    if (this.#queue.length === 0) return this.#settleDrained();
    if (!this.isOpen) return;
    this.#cancelLook ??= this.#later(() => {
      this.#cancelLook = undefined;
      this.#flush();
    }, look_ms);
  }

  #settleDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function linkOptions(
  url: () => string | Promise<string>,
  { protocols = [], open, reconnect, timeout = 10, heartbeat = {} }: AnyConnectOptions,
  environment: Environment,
  question: Encode,
): ConstructorParameters<typeof Link>[0] {
  const shared = { url, protocols, open: open ?? environment.open, reconnect, timeout };
  if (heartbeat === false) return { ...shared, heartbeat: undefined, question: undefined };
  const { interval = 30, timeout: patience = 10, message } = heartbeat;
  return {
    ...shared,
    heartbeat: { interval, timeout: patience },
    question: message === undefined ? undefined : () => question(message),
  };
}
