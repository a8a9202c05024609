/** Whom a request is counted for: one text per client, and no two clients with the same. */
import { parseAddress } from "../request/address.ts";
import type { RateLimitOptions } from "../routing/rate-limit-options.ts";
import type { AnyContext } from "../routing/route.ts";

/** Undefined: the window passes over the request. */
export type KeyOf = (context: AnyContext) => string | undefined;

export function keyOf(options: RateLimitOptions): KeyOf {
  const { by = "address", ipv6Prefix = 64, withoutKey = "address" } = options;
  const address: KeyOf = ({ ipAddr }) => addressKey(ipAddr, ipv6Prefix);
  const without: KeyOf = { address, share: () => nobody, allow: () => undefined }[withoutKey];
  if (by === "address") {
    return (context) => (context.ipAddr === null ? without(context) : address(context));
  }
  const read = reader(by);
  return (context) => {
    const key = read(context);
    return key === undefined ? without(context) : `=${key}`;
  };
}

/** Keys that are read begin with "=", so none of them is an address, or this. */
const nobody = "-";

/**
 * An IPv4 address, also where it is written as an IPv6 one, or the prefix of an IPv6 address. Where there is no peer (in
 * process, unix socket), all are one.
 */
export function addressKey(text: string | null, prefix: number): string {
  if (text === null) return nobody;
  if (!text.includes(":")) return text;
  // A socket for both families gives IPv4 peers this form; it is the usual one, so it is not parsed.
  if (text.startsWith("::ffff:") && text.includes(".")) return text.slice("::ffff:".length);
  const address = parseAddress(text.split("%", 1)[0]!);
  if (address === undefined) return text;
  if (address.length === 4) return address.join(".");
  let key = "";
  for (const [index, byte] of address.entries()) {
    const bits = Math.min(8, prefix - 8 * index);
    if (bits <= 0) break;
    key += ((byte >> (8 - bits)) << (8 - bits)).toString(16).padStart(2, "0");
  }
  return `${key}/${prefix}`;
}

function reader(by: Exclude<RateLimitOptions["by"], "address" | undefined>): KeyOf {
  if (typeof by === "function") return (context) => toText(by(context));
  if (by === "identity") return ({ state }) => identityOf(state.identity);
  return ({ request }) => request.headers.get(by.header) ?? undefined;
}

function identityOf(identity: unknown): string | undefined {
  if (typeof identity === "object" && identity !== null && "id" in identity)
    return toText(identity.id);
  return toText(identity);
}

/** Anything else, a promise for instance, would count all clients as one without a word. */
function toText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  throw new TypeError(
    `a rate limit was given ${Bun.inspect(value)} as key; it takes a string, a number or nothing`,
  );
}
