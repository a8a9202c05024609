/** Several ranges in one answer: `multipart/byteranges` (RFC 9110 §14.6). */
import type { Answered } from "./audience.ts";
import type { ByteRange } from "./range.ts";
import { isUnchanged, type StoredFile } from "./stored-file.ts";
import { markStreamed, streamOf } from "./stream.ts";

/** @param headers those of the whole answer; the parts take over its type. */
export function multipartRanges(
  stored: StoredFile,
  headers: Headers,
  ranges: readonly ByteRange[],
  answered: Answered,
): Response {
  // Random, so that no file can contain it, whoever wrote the file.
  const boundary = crypto.randomUUID();
  const type = headers.get("content-type");
  const heads = ranges.map(
    ({ first, last }) =>
      `\r\n--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: bytes ${first}-${last}/${stored.size}\r\n\r\n`,
  );
  const end = `\r\n--${boundary}--\r\n`;
  const all = new Headers(headers);
  all.set("content-type", `multipart/byteranges; boundary=${boundary}`);
  const body = streamOf(parts(stored, ranges, heads, end), answered.audience);
  return markStreamed(new Response(body, { status: 206, headers: all }));
}

/** The file is opened for each part. One that has changed meanwhile ends the answer early, never with mixed bytes. */
async function* parts(
  stored: StoredFile,
  ranges: readonly ByteRange[],
  heads: readonly string[],
  end: string,
): AsyncGenerator<string | Uint8Array> {
  for (const [index, { first, last }] of ranges.entries()) {
    yield heads[index]!;
    let rest = last - first + 1;
    for await (const chunk of stored.body.slice(first, last + 1).stream()) {
      rest -= chunk.length;
      yield chunk;
    }
    if (rest !== 0 || (!stored.isInMemory && !isUnchanged(stored, stored.path)))
      throw new Error("the file changed while it was sent");
  }
  yield end;
}
