/** The payloads of the bus: how messages between listeners lie in a frame. Numbers are little endian. */

/** Kinds of frames. */
export const frame = {
  publish: 1,
  send: 2,
  ring: 3,
  presence: 4,
  /** Name of a hub, for whoever has one: answered by `name`, and by what the answering hub knows. */
  hello: 5,
  name: 6,
  follow: 7,
  /** All topics that are followed, for one who comes. */
  followed: 8,
  /** Asks for what is kept of a topic; answered by `history`. */
  recall: 9,
  history: 10,
} as const;

export interface Published {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly publisher: string;
  readonly sequence: number;
  readonly compress: boolean;
  readonly except: string | undefined;
}

const isBinary = 1;
const isCompressed = 2;
/** flags (8 bits), sequence (64), lengths of topic (16), publisher (8) and except (8); then these texts, then the message. */
const head_bytes = 13;

/** A larger buffer is made for one frame, and not kept. */
const kept_bytes_max = 1_024 * 1_024;

/** Writes into one buffer, again and again: what is returned is valid until the next call. */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(65_536);

  /** Topic, publisher and except fit their lengths: the hub has checked them. */

  publish({ topic, payload, publisher, sequence, compress, except = "" }: Published): Uint8Array {
    const size = head_bytes + 3 * (topic.length + publisher.length + except.length);
    const target = this.#room(size + sizeBound(payload));
    target[0] = (typeof payload === "string" ? 0 : isBinary) | (compress ? isCompressed : 0);
    target.writeDoubleLE(sequence, 1);
    let end = head_bytes;
    const write = (text: string) => {
      const length = target.write(text, end);
      end += length;
      return length;
    };
    target.writeUInt16LE(write(topic), 9);
    target[11] = write(publisher);
    target[12] = write(except);
    return this.#close(end, payload);
  }

  /** To the socket with this id. */
  send(id: string, payload: string | Uint8Array): Uint8Array {
    const target = this.#room(2 + 3 * id.length + sizeBound(payload));
    target[0] = typeof payload === "string" ? 0 : isBinary;
    target[1] = target.write(id, 2);
    return this.#close(2 + target[1]!, payload);
  }

  text(text: string): Uint8Array {
    this.#room(sizeBound(text));
    return this.#close(0, text);
  }

  #close(start: number, payload: string | Uint8Array): Uint8Array {
    if (typeof payload === "string")
      return this.#buffer.subarray(0, start + this.#buffer.write(payload, start));
    this.#buffer.set(payload, start);
    return this.#buffer.subarray(0, start + payload.length);
  }

  #room(size: number): Buffer {
    if (size > this.#buffer.length || this.#buffer.length > kept_bytes_max)
      this.#buffer = Buffer.allocUnsafe(Math.max(size, 65_536));
    return this.#buffer;
  }
}

/** A UTF-16 unit takes at most three bytes; of a long text they are counted, rather than reserved. */
function sizeBound(payload: string | Uint8Array): number {
  if (typeof payload !== "string") return payload.length;
  return payload.length < 65_536 ? 3 * payload.length : Buffer.byteLength(payload);
}

/** Read first: whoever does not want the topic need not read the rest. */
export function readTopic(bytes: Uint8Array): string {
  const source = view(bytes);
  return source.toString("utf8", head_bytes, head_bytes + source.readUInt16LE(9));
}

export function readPublished(bytes: Uint8Array, topic: string): Published {
  const source = view(bytes);
  let end = head_bytes + source.readUInt16LE(9);
  const read = (length: number) => source.toString("utf8", end, (end += length));
  const publisher = read(source[11]!);
  const except = read(source[12]!);
  return {
    topic,
    publisher,
    sequence: source.readDoubleLE(1),
    compress: (source[0]! & isCompressed) !== 0,
    except: except === "" ? undefined : except,
    payload: payloadOf(source, end),
  };
}

export function readSent(bytes: Uint8Array): {
  readonly id: string;
  readonly payload: string | Uint8Array;
} {
  const source = view(bytes);
  const end = 2 + source[1]!;
  return { id: source.toString("utf8", 2, end), payload: payloadOf(source, end) };
}

export function readText(bytes: Uint8Array): string {
  return view(bytes).toString("utf8");
}

function payloadOf(source: Buffer, start: number): string | Uint8Array {
  // Bytes are copied: the frame is valid only during the call.
  return (source[0]! & isBinary) === 0
    ? source.toString("utf8", start)
    : new Uint8Array(source.subarray(start));
}

function view({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
