/**
 * Content codings over bytes and over streams, on `node:zlib`.
 *
 * `CompressionStream` would be shorter, but on Bun 1.4.5 it has brotli work at its highest level (3 MB of JSON: 215 ms of
 * the event loop instead of 10) and keeps small chunks back until the end, so that a slow stream would not arrive.
 */
import { promisify } from "node:util";
import zlib from "node:zlib";

export type Coding = "zstd" | "br" | "gzip";

/** Levels that cost about as little as sending the bytes: higher ones save a few per cent for several times the time. */
const brotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };
const gzipOptions = { level: 6 } as const;

/** Up to here the event loop is held for less time (about 0.1 ms) than a hop to another thread is worth. */
const sync_bytes_max = 16_384;

export function encodeBytes(
  bytes: Uint8Array<ArrayBuffer>,
  coding: Coding,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  const isShort = bytes.length <= sync_bytes_max;
  switch (coding) {
    case "zstd":
      return isShort ? zlib.zstdCompressSync(bytes) : zstd(bytes, {});
    case "br":
      return isShort ? zlib.brotliCompressSync(bytes, brotliOptions) : brotli(bytes, brotliOptions);
    case "gzip":
      return isShort ? Bun.gzipSync(bytes, gzipOptions) : gzip(bytes, gzipOptions);
  }
}

const brotli = promisify<Uint8Array, zlib.BrotliOptions, Buffer<ArrayBuffer>>(zlib.brotliCompress);
const zstd = promisify<Uint8Array, zlib.ZstdOptions, Buffer<ArrayBuffer>>(zlib.zstdCompress);
const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer<ArrayBuffer>>(zlib.gzip);

/**
 * Reads from `source` as the client reads from the result, one chunk ahead at most. Whenever the next chunk is not there
 * yet, what the encoder holds back is flushed: an event or a line must not wait for those after it.
 */
export function encodeStream(
  source: ReadableStream<Uint8Array>,
  coding: Coding,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new Encoder(source, coding), { highWaterMark: 0 });
}

class Encoder implements Bun.UnderlyingSource<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #zlib: zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress;
  readonly #produced: Uint8Array[] = [];
  #next: ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]> | undefined;

  constructor(source: ReadableStream<Uint8Array>, coding: Coding) {
    this.#reader = source.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.#zlib = createEncoder(coding);
    this.#zlib.on("data", (chunk: Uint8Array) => this.#produced.push(chunk));
    // Each call below learns of its own error; without a listener it would end the process as well.
    this.#zlib.on("error", () => {});
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    while (this.#produced.length === 0) {
      const { done, value } = await (this.#next ?? this.#reader.read());
      if (done) {
        await this.#finish();
        for (const chunk of this.#produced) controller.enqueue(chunk);
        return controller.close();
      }
      await settled((callback) => this.#zlib.write(value, callback));
      this.#next = this.#reader.read();
      if (await isPending(this.#next)) await settled((callback) => this.#zlib.flush(callback));
    }
    for (const chunk of this.#produced.splice(0)) controller.enqueue(chunk);
  }

  async cancel(reason: unknown): Promise<void> {
    this.#zlib.destroy();
    await this.#reader.cancel(reason);
  }

  #finish(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#zlib.once("end", resolve);
    this.#zlib.once("error", reject);
    this.#zlib.end();
    return promise;
  }
}

function createEncoder(coding: Coding): zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress {
  switch (coding) {
    case "zstd":
      return zlib.createZstdCompress();
    case "br":
      return zlib.createBrotliCompress(brotliOptions);
    case "gzip":
      return zlib.createGzip(gzipOptions);
  }
}

function settled(run: (callback: (error?: Error | null) => void) => unknown): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  run((error) => (error ? reject(error) : resolve()));
  return promise;
}

/** Whether a read has to wait for its source. A failed one has not: its error comes out where it is awaited. */
function isPending(read: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  read.then(
    () => resolve(false),
    () => resolve(false),
  );
  setImmediate(resolve, true);
  return promise;
}
