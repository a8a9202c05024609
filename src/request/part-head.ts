/**
 * The headers of one part of a multipart form: which field it is, and whether a file (RFC 7578 §4.2, §4.4, §4.5).
 * Nothing is guessed: what two readers could understand in two ways is refused.
 */
import { HttpError } from "../errors.ts";
import { tooLarge } from "./body-limit.ts";
import { malformed } from "./multipart-parser.ts";

export interface PartHead {
  /** Name of the field. */
  readonly name: string;
  /** The client's name of the file, without directories; undefined for a text field. */
  readonly fileName: string | undefined;
  /** Media type as it was sent, or undefined. */
  readonly type: string | undefined;
}

/** @throws HttpError 400 if the headers are malformed, 413 if a name is longer than `maxNameLength` bytes. */
export function parsePartHead(bytes: Buffer, maxNameLength: number): PartHead {
  const headers = parseHeaders(bytes);
  const disposition = headers.get("content-disposition");
  if (disposition === undefined) throw malformed("a part of the form has no Content-Disposition");
  const encoding = headers.get("content-transfer-encoding");
  // Deprecated by RFC 7578 §4.7; to take encoded bytes for the content would be wrong, to decode them is obsolete.
  if (encoding !== undefined && !/^(?:7bit|8bit|binary)$/i.test(encoding))
    throw malformed("a part of the form has a Content-Transfer-Encoding, which forms do not use");
  const parameters = parseDisposition(disposition);
  const name = parameters.get("name");
  if (name === undefined) throw malformed("a part of the form has no name");
  const extended = parameters.get("filename*");
  const fileName = extended === undefined ? parameters.get("filename") : decodeExtended(extended);
  return {
    name: checkLength(unescapeQuote(name), maxNameLength),
    fileName: fileName === undefined ? undefined : checkLength(baseName(fileName), maxNameLength),
    type: headers.get("content-type"),
  };
}

function parseHeaders(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of decode(bytes).split("\r\n")) {
    // No control characters: they would be a line break to one reader and not to the next.
    const found = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)$/.exec(line);
    if (found === null) throw malformed("a part of the form has a malformed header");
    const name = found[1]!.toLowerCase();
    if (headers.has(name)) throw malformed("a part of the form has a header twice");
    headers.set(name, found[2]!.trimEnd());
  }
  return headers;
}

/** RFC 7578 §5.1: names are sent as UTF-8. */
function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new HttpError(400, "the headers of a part are not UTF-8", { cause });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** `form-data; name="a"; filename="b"`: tokens or quoted strings, each parameter once. */
function parseDisposition(value: string): Map<string, string> {
  const type = /^form-data[ \t]*(?=;|$)/i.exec(value);
  if (type === null)
    throw malformed("a part of the form has another Content-Disposition than form-data");
  const parameter =
    /;[ \t]*([\w!#$&+\-.^`|~]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+\-.^`|~]+))[ \t]*/y;
  const parameters = new Map<string, string>();
  parameter.lastIndex = type[0].length;
  while (parameter.lastIndex < value.length) {
    const found = parameter.exec(value);
    if (found === null) throw malformed("a part of the form has a malformed Content-Disposition");
    const name = found[1]!.toLowerCase();
    if (parameters.has(name)) throw malformed("a part of the form has a parameter twice");
    parameters.set(name, unquote(found[2]) ?? found[3]!);
  }
  return parameters;
}

/** Only `\"` and `\\`: other backslashes stand in Windows paths that old clients send as they are. */
function unquote(quoted: string | undefined): string | undefined {
  return quoted?.replace(/\\(["\\])/g, "$1");
}

/** Browsers send `"` as `%22`. CR and LF, which they send alike, stay encoded: a name is one line. */
function unescapeQuote(name: string): string {
  return name.replaceAll("%22", '"');
}

/** RFC 8187 §3.2: `UTF-8'language'percent-encoded`. RFC 7578 §4.2 asks clients not to send it; some do. */
function decodeExtended(value: string): string {
  const found = /^utf-8'[A-Za-z0-9-]*'((?:[\w!#$&+\-.^`|~]|%[0-9A-Fa-f]{2})*)$/i.exec(value);
  try {
    if (found !== null) {
      const name = decodeURIComponent(found[1]!);
      if (!/[\x00-\x1f\x7f]/.test(name)) return name;
    }
  } catch {
    // Not UTF-8: refused below.
  }
  throw malformed('a part of the form has a malformed "filename*"');
}

/** RFC 7578 §4.2: directories in the name of a file are not the server's. */
function baseName(fileName: string): string {
  return unescapeQuote(
    fileName.slice(Math.max(fileName.lastIndexOf("/"), fileName.lastIndexOf("\\")) + 1),
  );
}

function checkLength(name: string, maxNameLength: number): string {
  if (Buffer.byteLength(name) <= maxNameLength) return name;
  throw tooLarge(`a name in the form is longer than ${maxNameLength} bytes`);
}
