/** Close frames (RFC 6455 §5.5.1 and §7.4). */

/** A control frame has at most 125 bytes, two of which are the code. */
const reason_bytes_max = 123;

/**
 * Codes that an endpoint may send. 1004, 1005, 1006 and 1015 must not be, 1010 is for clients, the rest up to 2999 has
 * no meaning yet.
 * @throws RangeError
 */
export function checkClose(code: number, reason: string): void {
  const isDefined =
    code === 1000 || code === 1001 || code === 1003 || (code >= 1007 && code <= 1014);
  const isOwn = code >= 3000 && code <= 4999;
  if (!Number.isInteger(code) || code === 1010 || !(isDefined || isOwn))
    throw new RangeError(
      `close() was given the code ${code}; it takes 1000, 1001, 1003, 1007 to 1009, 1011 to 1014 and 3000 to 4999`,
    );
  if (typeof reason !== "string" || Buffer.byteLength(reason) > reason_bytes_max)
    throw new RangeError(`the reason of a close has at most ${reason_bytes_max} bytes of text`);
}
