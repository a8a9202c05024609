/** Bodies that say by themselves whether they are whole: number of the key, checksum, bytes that follow from the number. */

/** More than fit into the cache of the kill tests. */
export const keys = 1_500;

const head_bytes = 16;

export function keyOf(number: number): string {
  return `/chaos/${number}`;
}

export function bodyOf(number: number, length: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(head_bytes + length);
  for (let at = head_bytes; at < body.length; at++) body[at] = (number * 31 + at) & 0xff;
  const view = new DataView(body.buffer);
  view.setUint32(0, number);
  view.setUint32(4, length);
  view.setBigUint64(8, checksum(body));
  return body;
}

export function isWhole(number: number, body: Uint8Array<ArrayBuffer>): boolean {
  if (body.length < head_bytes) return false;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return (
    view.getUint32(0) === number &&
    view.getUint32(4) === body.length - head_bytes &&
    view.getBigUint64(8) === checksum(body)
  );
}

function checksum(body: Uint8Array): bigint {
  return BigInt.asUintN(64, BigInt(Bun.hash(body.subarray(head_bytes))));
}
