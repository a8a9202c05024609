/** Bodies that are known already, as against streams. A `Response` does not tell which it has. */
import { isUtf8 } from "node:buffer";
import { isStreamed } from "./stream.ts";

/**
 * The whole body, if it is there without waiting and has at most `bytes_max` bytes; undefined for streams, files and
 * longer ones. The response can be sent afterwards in any case.
 *
 * It reads from a clone: of a string or bytes that is a reference, of a stream a second branch that is cancelled
 * again. `response.body` itself must not be looked at, because then Bun forgets the type of a string.
 */
export async function knownBody(
  response: Response,
  bytes_max: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (isStreamed(response) || response.bodyUsed) return undefined;
  const reader = response.clone().body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const read = await soon(reader.read());
      if (read?.done === true) return concat(chunks, length);
      length += read?.value?.length ?? 0;
      if (read === undefined || length > bytes_max) break;
      if (read.value !== undefined) chunks.push(read.value);
    }
  } catch {
    // A stream that fails does so again where it is sent.
  }
  void reader.cancel().catch(() => {});
  return undefined;
}

/** What Bun sends as the type of a response that has none, as far as the bytes tell: a string is always UTF-8. */
export function isText(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}

/** What is known settles within one turn of the event loop. */
function soon<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  setImmediate(resolve, undefined);
  return Promise.race([promise, late]);
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0] as Uint8Array<ArrayBuffer>;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
