/** The grammar of the bus: length of the payload (32 bits, little endian), kind (8 bits), payload. */

export type FrameHandler = (kind: number, payload: Uint8Array) => void;

export const frameHead_bytes = 5;

/** Far above any message; a longer one is a broken stream. */
const payload_bytes_max = 64 * 1_024 * 1_024;

/** What a large frame took is not kept for the next one. */
const kept_bytes_max = 1_024 * 1_024;

export function writeFrameHead(target: Buffer, offset: number, kind: number, length: number): void {
  target[offset] = length & 0xff;
  target[offset + 1] = (length >>> 8) & 0xff;
  target[offset + 2] = (length >>> 16) & 0xff;
  target[offset + 3] = length >>> 24;
  target[offset + 4] = kind;
}

/** Cuts a stream into frames. A payload is valid only during the call of its handler. */
export class FrameReader {
  /** The beginning of a frame whose end has not come yet. */
  #partial = new Uint8Array(256);
  #have = 0;

  /** @returns false if the stream is no sequence of frames. */
  read(bytes: Uint8Array, handle: FrameHandler): boolean {
    let start = 0;
    while (start < bytes.length) {
      if (this.#have === 0 && bytes.length - start >= frameHead_bytes) {
        const length = lengthAt(bytes, start);
        if (length > payload_bytes_max) return false;
        const end = start + frameHead_bytes + length;
        if (end <= bytes.length) {
          handle(bytes[start + 4]!, bytes.subarray(start + frameHead_bytes, end));
          start = end;
          continue;
        }
      }
      start = this.#collect(bytes, start);
      const missing = this.#missing();
      if (missing > payload_bytes_max) return false;
      if (missing > 0 || this.#have < frameHead_bytes) continue;
      const frame = this.#partial.subarray(0, this.#have);
      this.#have = 0;
      if (frame.length > kept_bytes_max) this.#partial = new Uint8Array(256);
      handle(frame[4]!, frame.subarray(frameHead_bytes));
    }
    return true;
  }

  /** Takes as much as the partial frame needs; @returns where the rest begins. */
  #collect(bytes: Uint8Array, start: number): number {
    const wanted = this.#have < frameHead_bytes ? frameHead_bytes - this.#have : this.#missing();
    const taken = bytes.subarray(start, start + wanted);
    if (this.#have + taken.length > this.#partial.length) {
      const larger = new Uint8Array(frameHead_bytes + lengthAt(this.#partial, 0));
      larger.set(this.#partial.subarray(0, this.#have));
      this.#partial = larger;
    }
    this.#partial.set(taken, this.#have);
    this.#have += taken.length;
    return start + taken.length;
  }

  #missing(): number {
    if (this.#have < frameHead_bytes) return frameHead_bytes - this.#have;
    return frameHead_bytes + lengthAt(this.#partial, 0) - this.#have;
  }
}

function lengthAt(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! |
      (bytes[offset + 1]! << 8) |
      (bytes[offset + 2]! << 16) |
      (bytes[offset + 3]! << 24)) >>>
    0
  );
}
