/** The grammar of the headers that proxies write: `X-Forwarded-*` and `Forwarded` (RFC 7239). */
import { type Address, parseAddress } from "./address.ts";

/** Members of a comma-separated header, last first. Two lines of one header arrive joined (RFC 9110 §5.3). */
export function lastMembers(header: string): string[] {
  return header === ""
    ? []
    : header
        .split(",")
        .map((member) => member.trim())
        .reverse();
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711` (RFC 7239 §6). Undefined for `unknown`, `_hidden`. */
export function parseNode(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed.includes(":") ? parseAddress(bracketed) : undefined;
  return parseAddress(/^([^:]*):\d{1,5}$/.exec(text)?.[1] ?? text);
}

/**
 * The elements of `Forwarded` (RFC 7239 §4), last first, up to the first malformed one from the right. A quote that a
 * client left open would swallow what a proxy appended if the header were read from the left; so the last piece between
 * commas is tried first, and pieces are joined only as long as a comma may have stood inside quotes.
 */
export function parseForwarded(header: string): ReadonlyMap<string, string>[] {
  const pieces = header.split(",");
  const elements: ReadonlyMap<string, string>[] = [];
  while (pieces.length > 0) {
    let text = pieces.pop()!;
    let pairs = parseElement(text);
    for (
      let joined = 0;
      pairs === undefined && joined < joined_pieces_max && pieces.length > 0;
      joined++
    ) {
      text = `${pieces.pop()},${text}`;
      pairs = parseElement(text);
    }
    if (pairs === undefined) break;
    elements.push(pairs);
  }
  return elements;
}

/** Commas that one element may have inside quotes; addresses and hosts have none. */
const joined_pieces_max = 4;

function parseElement(text: string): ReadonlyMap<string, string> | undefined {
  const pair =
    /[ \t]*([\w!#$%&'*+\-.^`|~]+)=(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+\-.^`|~:[\]]+))[ \t]*(;|$)/y;
  const pairs = new Map<string, string>();
  for (;;) {
    const found = pair.exec(text);
    if (found === null) return undefined;
    const name = found[1]!.toLowerCase();
    if (pairs.has(name)) return undefined;
    pairs.set(name, found[2]?.replace(/\\(.)/g, "$1") ?? found[3]!);
    if (found[4] === "") return pairs;
  }
}
