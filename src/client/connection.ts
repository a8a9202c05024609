/** One WebSocket of the platform, from its handshake to its end, which is told once. */
import type { Environment } from "./environment.ts";
import { Heartbeat, type Pace } from "./heartbeat.ts";
import type { Payload } from "./queue.ts";

export interface ConnectionListener {
  onOpen(): void;
  onMessage(data: string | Uint8Array): void;
  /** The last that is heard of it. 1006: it broke, was refused, or did not answer. */
  onClose(code: number, reason: string): void;
}

export interface ConnectionSettings {
  /** Seconds that the handshake may take. */
  readonly timeout: number;
  readonly heartbeat: Pace | undefined;
  /** What the heartbeat asks with; undefined for a ping. */
  readonly question: (() => Payload) | undefined;
}

/** Of WebSocket.readyState. */
const open = 1;

export class Connection {
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener;
  #cancelTimeout: () => void;
  #heartbeat: Heartbeat | undefined;

  constructor(
    socket: WebSocket,
    listener: ConnectionListener,
    settings: ConnectionSettings,
    later: Environment["later"],
  ) {
    this.#socket = socket;
    this.#listener = listener;
    this.#cancelTimeout = later(() => this.#giveUp(), settings.timeout * 1_000);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#cancelTimeout();
      this.#heartbeat = this.#beat(settings, later);
      listener.onOpen();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      this.#heartbeat?.heard();
      if (typeof data === "string") listener.onMessage(data);
      else if (data instanceof ArrayBuffer) listener.onMessage(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      this.#detach();
      listener.onClose(code, reason);
    };
    // A close follows; without a listener some platforms print the error.
    socket.onerror = () => {};
  }

  /** False also while it closes, when what is sent would vanish. */
  get isOpen(): boolean {
    return this.#socket.readyState === open;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  send(payload: Payload): void {
    this.#socket.send(payload);
  }

  /** Closes, and tells nothing any more. What was sent is still delivered. */
  close(code: number, reason: string): void {
    this.#detach();
    this.#socket.close(code, reason);
  }

  #beat(
    { heartbeat, question }: ConnectionSettings,
    later: Environment["later"],
  ): Heartbeat | undefined {
    const ping = pingOf(this.#socket);
    const ask = question === undefined ? ping : () => this.send(question());
    if (heartbeat === undefined || ask === undefined) return undefined;
    this.#socket.addEventListener("pong", () => this.#heartbeat?.heard());
    return new Heartbeat(
      heartbeat,
      later,
      () => {
        if (this.isOpen) ask();
      },
      () => this.#giveUp(),
    );
  }

  /** Nobody is there: the closing handshake would be waited for in vain. */
  #giveUp(): void {
    this.#detach();
    const { terminate } = extrasOf(this.#socket);
    if (terminate === undefined) this.#socket.close();
    else terminate();
    this.#listener.onClose(1006, "no answer");
  }

  #detach(): void {
    this.#cancelTimeout();
    this.#heartbeat?.stop();
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
  }
}

function pingOf(socket: WebSocket): (() => void) | undefined {
  return extrasOf(socket).ping;
}

/** What servers' platforms have beyond the standard. */
function extrasOf(socket: WebSocket): { ping?: () => void; terminate?: () => void } {
  const extra = (name: string) => {
    const member: unknown = Reflect.get(socket, name);
    return typeof member === "function" ? () => void Reflect.apply(member, socket, []) : undefined;
  };
  return { ping: extra("ping"), terminate: extra("terminate") };
}
