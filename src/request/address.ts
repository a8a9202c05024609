/**
 * IP addresses and networks in binary: `127.0.0.1`, `::ffff:7f00:1` and `0:0:0:0:0:ffff:127.0.0.1` are one address, and
 * only bytes show it. Comparing text is how filters were walked around.
 */

/** 4 or 16 bytes in network order; an IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) has 4. */
export type Address = readonly number[];

/** An address and how many of its leading bits count. */
export interface Network {
  readonly address: Address;
  readonly bits: number;
}

/** @returns undefined for anything but one plain address: no port, no zone (`%eth0`), no octal or shortened IPv4. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}

/** `10.0.0.0/8`, `fd00::/8`, or one address (RFC 4632 §3.1, RFC 4291 §2.3). Bits behind the prefix must be 0. */
export function parseNetwork(text: string): Network | undefined {
  const [head = "", prefix, ...more] = text.split("/");
  const address = parseAddress(head);
  if (address === undefined || more.length > 0) return undefined;
  const all = address.length * 8;
  if (prefix === undefined) return { address, bits: all };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  // The prefix of a mapped network counts the 96 bits in front of the IPv4 address, too.
  const bits = Number(prefix) - (head.includes(":") && all === 32 ? 96 : 0);
  if (bits < 0 || bits > all) return undefined;
  const isNetwork = address.every((byte, index) => (byte & ~maskOf(bits, index)) === 0);
  return isNetwork ? { address, bits } : undefined;
}

export function contains({ address, bits }: Network, other: Address): boolean {
  return (
    address.length === other.length &&
    address.every((byte, index) => byte === (other[index]! & maskOf(bits, index)))
  );
}

/** One spelling per address: dotted for IPv4, RFC 5952 §4 for IPv6. */
export function formatAddress(address: Address): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address[2 * index]! << 8) | address[2 * index + 1]!).toString(16),
  ).join(":");
  // The longest run of zero groups, the first of equals, becomes "::".
  const runs = groups.match(/(?<![^:])0(?::0)+(?![^:])/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return groups;
  const at = groups.search(new RegExp(`(?<![^:])${longest}(?![^:])`));
  return `${groups.slice(0, at).replace(/:$/, "")}::${groups.slice(at + longest.length).replace(/^:/, "")}`;
}

/** The bits of one byte that belong to the prefix. */
function maskOf(bits: number, index: number): number {
  const left = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - left)) & 0xff;
}

/** Four decimal octets without leading zeros, which some would read as octal (RFC 6943 §3.1.1). */
function parseIPv4(text: string): Address | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  const bytes = octets.map((octet) => (/^(?:0|[1-9]\d{0,2})$/.test(octet) ? Number(octet) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** RFC 4291 §2.2, all three forms. */
function parseIPv6(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [left, right] = [
    parseGroups(halves[0]!, halves.length === 1),
    parseGroups(halves[1] ?? "", true),
  ];
  if (left === undefined || right === undefined) return undefined;
  const missing = 16 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  const bytes = [...left, ...Array<number>(missing).fill(0), ...right];
  const isMapped =
    bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.slice(12) : bytes;
}

/** @param mayEndInIPv4 true for the last groups of an address. */
function parseGroups(text: string, mayEndInIPv4: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const tail = mayEndInIPv4 && index === groups.length - 1 ? parseIPv4(group) : undefined;
    if (tail === undefined) return undefined;
    bytes.push(...tail);
  }
  return bytes;
}
