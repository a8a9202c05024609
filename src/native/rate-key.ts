/** Keys of rate limits come from outside and may be as long as a header: what is kept of a long one is its digest. */

/** In UTF-16 units. */
export const shortKey_max = 256;

/** Who would send the digest of another's key has to know the key, and could as well send that. */
export function shortenKey(key: string): string {
  return `sha256 ${new Bun.CryptoHasher("sha256").update(key).digest("base64")}`;
}
