/** Reads one HTTP/1.1 response out of raw bytes (RFC 9112 §6). */

export interface RawResponse {
  readonly status: number;
  /** Names in lower case; a repeated header is joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
}

/** @returns undefined while the response is not complete. */
export function parseResponse(
  bytes: Buffer,
  method: string,
  closed: boolean,
): { response: RawResponse; end: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) throw new Error(`no status line: ${statusLine}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const content = readBody(bytes, headEnd + 4, { status, headers, method, closed });
  if (content === undefined) return undefined;
  const { body, end } = content;
  return { response: { status, headers, body, text: body.toString() }, end };
}

interface Framing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly closed: boolean;
}

function readBody(
  bytes: Buffer,
  start: number,
  { status, headers, method, closed }: Framing,
): { body: Buffer; end: number } | undefined {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304)
    return { body: Buffer.alloc(0), end: start };
  if (headers["transfer-encoding"] === "chunked") return readChunks(bytes, start);
  const length = headers["content-length"];
  if (length === undefined)
    return closed ? { body: bytes.subarray(start), end: bytes.length } : undefined;
  const end = start + Number(length);
  return bytes.length < end ? undefined : { body: bytes.subarray(start, end), end };
}

function readChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const chunkEnd = lineEnd + 2 + size;
    if (bytes.length < chunkEnd + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), end: chunkEnd + 2 };
    chunks.push(bytes.subarray(lineEnd + 2, chunkEnd));
    at = chunkEnd + 2;
  }
}
