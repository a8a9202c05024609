/**
 * The grammar of multipart bodies (RFC 2046 §5.1.1), as a machine that is fed chunks of any size. It knows nothing of
 * fields and files, keeps nothing but an unfinished delimiter or part head, and takes time linear in what it is fed,
 * however the client cuts it.
 */
import { HttpError } from "../errors.ts";
import { tooLarge } from "./body-limit.ts";

export type PartEvent =
  | { readonly kind: "head"; readonly bytes: Buffer }
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "end" };

/** preamble ─▶ delimiter ─▶ head ─▶ start ─▶ data ─▶ delimiter …; `--` behind a delimiter ─▶ epilogue, ignored. */
type State = "preamble" | "delimiter" | "head" | "start" | "data" | "epilogue";

/** Blanks that may follow a boundary (`transport-padding`); nobody sends any, a million would be an attack. */
const padding_bytes_max = 64;

export class MultipartParser {
  readonly #delimiter: Buffer;
  readonly #headSize: number;
  #state: State = "preamble";
  /** Bytes seen that may belong to a delimiter. The first one needs no line break before it, so one is given. */
  #rest: Buffer = Buffer.from("\r\n");
  /** The head of a part as far as it came. */
  #head: Buffer | undefined;
  #headLength = 0;

  /** @param maxHeaderSize bytes of the headers of one part. */
  constructor(boundary: string, maxHeaderSize: number) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, "latin1");
    this.#headSize = maxHeaderSize + headEnd.length;
  }

  /**
   * Takes the next bytes of the body. The bytes of events are views: they are valid until the chunk is changed.
   * @throws HttpError 400 if they are malformed, 413 if the headers of a part are too long.
   */
  *feed(chunk: Uint8Array): Generator<PartEvent, void, void> {
    let bytes = toBuffer(chunk);
    if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, bytes]);
    this.#rest = empty;
    while (bytes.length > 0) {
      switch (this.#state) {
        case "preamble":
        case "data":
          bytes = yield* this.#data(bytes);
          break;
        case "delimiter":
          bytes = this.#afterDelimiter(bytes);
          break;
        case "head":
          bytes = yield* this.#partHead(bytes);
          break;
        case "start":
          bytes = yield* this.#partStart(bytes);
          break;
        case "epilogue":
          return;
      }
    }
  }

  /** @throws HttpError 400 if the body ended before its last boundary. */
  finish(): void {
    if (this.#state !== "epilogue")
      throw malformed("the form ends before its final boundary, a part of it is missing");
  }

  *#data(bytes: Buffer): Generator<PartEvent, Buffer, void> {
    const inPart = this.#state === "data";
    const at = bytes.indexOf(this.#delimiter);
    if (at >= 0) {
      if (inPart && at > 0) yield { kind: "data", bytes: bytes.subarray(0, at) };
      if (inPart) yield { kind: "end" };
      this.#state = "delimiter";
      return bytes.subarray(at + this.#delimiter.length);
    }
    // A delimiter may have begun in the last bytes; it does so with a carriage return.
    const start = bytes.indexOf(
      carriageReturn,
      Math.max(0, bytes.length + 1 - this.#delimiter.length),
    );
    const end = start < 0 ? bytes.length : start;
    if (inPart && end > 0) yield { kind: "data", bytes: bytes.subarray(0, end) };
    return this.#keep(bytes.subarray(end));
  }

  #afterDelimiter(bytes: Buffer): Buffer {
    if (bytes[0] === hyphen) {
      if (bytes.length === 1) return this.#keep(bytes);
      if (bytes[1] !== hyphen)
        throw malformed("a line of the form begins with its boundary and goes on");
      this.#state = "epilogue";
      return empty;
    }
    let at = 0;
    while (bytes[at] === space || bytes[at] === tab) at++;
    if (at <= padding_bytes_max) {
      if (at + 2 > bytes.length && (at === bytes.length || bytes[at] === carriageReturn))
        return this.#keep(bytes);
      if (bytes[at] === carriageReturn && bytes[at + 1] === lineFeed) {
        this.#state = "head";
        return bytes.subarray(at + 2);
      }
    }
    throw malformed("a line of the form begins with its boundary and goes on");
  }

  /** A head that is not whole is collected in a buffer as large as it may be: one that grows would take quadratic time. */
  *#partHead(bytes: Buffer): Generator<PartEvent, Buffer, void> {
    const before = this.#headLength;
    let head = bytes.subarray(0, this.#headSize);
    let end = before === 0 ? endOfHead(head, 0) : -1;
    if (end < 0) {
      this.#head ??= Buffer.allocUnsafe(this.#headSize);
      this.#headLength += bytes.copy(this.#head, before);
      head = this.#head.subarray(0, this.#headLength);
      end = endOfHead(head, Math.max(0, before + 1 - headEnd.length));
    }
    if (end < 0) {
      if (head.length < this.#headSize) return empty;
      throw tooLarge(
        `the headers of a part are longer than ${this.#headSize - headEnd.length} bytes`,
      );
    }
    this.#state = "start";
    this.#headLength = 0;
    // A part without any header has the empty line at once.
    yield { kind: "head", bytes: head.subarray(0, Math.max(0, end - headEnd.length)) };
    return bytes.subarray(end - before);
  }

  /** The line break of a delimiter may be the one that ends the head: the part is then empty. */
  *#partStart(bytes: Buffer): Generator<PartEvent, Buffer, void> {
    const dashes = this.#delimiter.subarray(2);
    const length = Math.min(bytes.length, dashes.length);
    if (bytes.compare(dashes, 0, length, 0, length) !== 0) {
      this.#state = "data";
      return bytes;
    }
    if (length < dashes.length) return this.#keep(bytes);
    yield { kind: "end" };
    this.#state = "delimiter";
    return bytes.subarray(length);
  }

  #keep(bytes: Buffer): Buffer {
    // A copy: a view would keep a whole chunk alive for a few bytes.
    this.#rest = Buffer.from(bytes);
    return empty;
  }
}

/** @returns the boundary of a `multipart/form-data` media type (RFC 2046 §5.1.1), or undefined if it has no valid one. */
export function boundaryOf(mediaType: string): string | undefined {
  const found = /;[ \t]*boundary=(?:"([^"]*)"|([^\s;"]+))[ \t]*(?:;|$)/i.exec(mediaType);
  const boundary = found?.[1] ?? found?.[2];
  return boundary !== undefined && /^[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]$/.test(boundary)
    ? boundary
    : undefined;
}

export function malformed(detail: string): HttpError {
  return new HttpError(400, detail);
}

const empty = Buffer.alloc(0);
const headEnd = Buffer.from("\r\n\r\n");
const carriageReturn = 13;
const lineFeed = 10;
const hyphen = 45;
const space = 32;
const tab = 9;

/** @returns where the empty line behind a head ends, or -1. */
function endOfHead(head: Buffer, from: number): number {
  if (head[0] === carriageReturn && head[1] === lineFeed) return 2;
  const at = head.indexOf(headEnd, from);
  return at < 0 ? -1 : at + headEnd.length;
}

function toBuffer(chunk: Uint8Array): Buffer {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
