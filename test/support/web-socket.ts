/** A raw WebSocket client: sends exactly the frames it is given, legal or not, and shows what comes back. */
import { RawClient, type RawResponse, request } from "./raw.ts";
import { within } from "./wait.ts";

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export const opcode = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export const handshakeHeaders: Readonly<Record<string, string>> = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

export interface FrameOptions {
  readonly final?: boolean;
  /** The three reserved bits, 4 for RSV1. */
  readonly reserved?: number;
  readonly masked?: boolean;
}

/** One frame of a client (RFC 6455 §5.2). The mask is all zeros but present. */
export function frame(
  code: number,
  payload: string | Uint8Array = "",
  { final = true, reserved = 0, masked = true }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const head = [(final ? 0x80 : 0) | (reserved << 4) | code];
  const mask = masked ? 0x80 : 0;
  if (bytes.length < 126) head.push(mask | bytes.length);
  else if (bytes.length < 65_536) head.push(mask | 126, bytes.length >> 8, bytes.length & 0xff);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    head.push(mask | 127, ...length);
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), bytes]);
}

export class RawWebSocket implements Disposable {
  readonly #client: RawClient;
  readonly response: RawResponse;
  /** Bytes of what the client received that were frames already. */
  #taken = 0;

  private constructor(client: RawClient, response: RawResponse) {
    this.#client = client;
    this.response = response;
  }

  /** Resolves with the answer, whatever it is. */
  static async connect(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    options: { paused?: boolean } = {},
  ): Promise<RawWebSocket> {
    const client = await RawClient.connect(port);
    client.send(request("GET", path, { ...handshakeHeaders, ...headers }));
    const socket = new RawWebSocket(client, await client.next());
    if (options.paused === true) client.pause();
    return socket;
  }

  send(bytes: string | Uint8Array): this {
    this.#client.send(bytes);
    return this;
  }

  resume(): void {
    this.#client.resume();
  }

  /** The next frame of the server, which are never masked. */
  async next(): Promise<Frame> {
    for (;;) {
      const bytes = Buffer.from(this.#client.received.slice(this.#taken), "latin1");
      const found = parse(bytes);
      if (found !== undefined) {
        this.#taken += found.end;
        return found.frame;
      }
      if (this.#client.isClosed) throw new Error("closed without another frame");
      await within("a frame", this.#client.changed());
    }
  }

  /** The code of the next close frame; 1005 for one without, 1006 for none. */
  async closeCode(): Promise<number> {
    try {
      for (;;) {
        const { opcode: code, payload } = await this.next();
        if (code === opcode.close) return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      }
    } catch (error) {
      if (this.#client.isClosed) return 1006;
      throw error;
    }
  }

  closes(): Promise<void> {
    return this.#client.closes();
  }

  vanish(): void {
    this.#client.vanish();
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

function parse(bytes: Buffer): { frame: Frame; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = start + length;
  if (bytes.length < end) return undefined;
  return { frame: { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(start, end) }, end };
}
