/** Async iterators as response bodies, with back-pressure: the next value is asked for when the client took the last. */

/**
 * @param source yields strings or bytes; any other value ends the stream with an error.
 * When the client leaves, the iterator's `return()` runs, hence the `finally` of a generator.
 */
export function streamOf(source: AsyncIterable<unknown>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) return controller.close();
      controller.enqueue(toBytes(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

function toBytes(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return new TextEncoder().encode(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new TypeError(`a streamed answer yielded a ${typeof chunk}; it takes strings and bytes`);
}
