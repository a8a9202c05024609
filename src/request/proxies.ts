/**
 * Whom a request comes from behind proxies, from headers that anybody can write. They are believed only where the TCP
 * peer is a declared proxy, and only as far as declared proxies wrote them.
 *
 * One family of headers is read, never both: a proxy that maintains one passes the other on as the client sent it.
 */
import { RobynError } from "../errors.ts";
import {
  type Address,
  contains,
  formatAddress,
  type Network,
  parseAddress,
  parseNetwork,
} from "./address.ts";
import { lastMembers, parseForwarded, parseNode } from "./forwarded.ts";

export type ProxyHeaders = "x-forwarded" | "forwarded";

/** What the proxies say about the request. Undefined: nothing, or nothing that can be believed. */
export interface Origin {
  /** Address of the client, canonical (RFC 5952). */
  readonly address: string;
  readonly scheme: "http" | "https" | undefined;
  /** Host and port, as in `Host`. */
  readonly host: string | undefined;
}

const names: ReadonlyMap<string, readonly string[]> = new Map([
  ["loopback", ["127.0.0.0/8", "::1"]],
  ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]],
]);

/** @throws RobynError ROBYN_OPTION_INVALID for what cannot be used, and for headers that nobody is trusted with. */
export function proxiesOf(
  trusted: readonly string[] | undefined,
  family: ProxyHeaders | undefined,
): TrustedProxies | undefined {
  if (trusted !== undefined) return new TrustedProxies(trusted, family);
  if (family === undefined) return undefined;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    "proxyHeaders was given without trustedProxies.",
    "Nobody's headers are believed unless trustedProxies says whose.",
  );
}

export class TrustedProxies {
  readonly #networks: readonly Network[];
  readonly #family: ProxyHeaders;

  /** @throws RobynError ROBYN_OPTION_INVALID for what is no address, network or name. */
  constructor(trusted: readonly string[], family: ProxyHeaders = "x-forwarded") {
    if (!Array.isArray(trusted)) refuse("trustedProxies", trusted);
    if (family !== "x-forwarded" && family !== "forwarded") {
      throw new RobynError(
        "ROBYN_OPTION_INVALID",
        `proxyHeaders is ${JSON.stringify(family)}.`,
        'It takes "x-forwarded" or "forwarded".',
      );
    }
    this.#networks = trusted.flatMap((text) => (names.get(text) ?? [text]).map(toNetwork));
    this.#family = family;
  }

  /** @param peer address of the TCP peer, as Bun tells it; null in process. */
  originOf(headers: Headers, peer: string | null): Origin | undefined {
    // A link-local peer has a zone, which belongs to this machine and not to the address.
    const address = peer === null ? undefined : parseAddress(peer.split("%", 1)[0]!);
    if (address === undefined || !this.#trusts(address)) return undefined;
    return this.#family === "forwarded"
      ? this.#fromForwarded(headers, address)
      : this.#fromXForwarded(headers, address);
  }

  #trusts(address: Address): boolean {
    return this.#networks.some((network) => contains(network, address));
  }

  /**
   * `X-Forwarded-For` is walked from the right, the end that the nearest proxy wrote. Scheme and host are the last of
   * their lists: what the nearest proxy says; further left may stand what the client sent.
   */
  #fromXForwarded(headers: Headers, peer: Address): Origin {
    const hops = lastMembers(headers.get("x-forwarded-for") ?? "");
    const { address } = this.#walk(peer, hops.map(parseNode));
    return {
      address: formatAddress(address),
      scheme: toScheme(lastMembers(headers.get("x-forwarded-proto") ?? "")[0]),
      host: toHost(lastMembers(headers.get("x-forwarded-host") ?? "")[0]),
    };
  }

  /** RFC 7239: each element was added by one proxy, so scheme and host stand beside the address they belong to. */
  #fromForwarded(headers: Headers, peer: Address): Origin {
    const elements = parseForwarded(headers.get("forwarded") ?? "");
    const { address, index } = this.#walk(
      peer,
      elements.map((element) => parseNode(element.get("for"))),
    );
    const element = elements[index];
    return {
      address: formatAddress(address),
      scheme: toScheme(element?.get("proto")),
      host: toHost(element?.get("host")),
    };
  }

  /** From the nearest hop outwards, to the first that is no declared proxy, or up to one that cannot be read. */
  #walk(
    peer: Address,
    hops: readonly (Address | undefined)[],
  ): { address: Address; index: number } {
    let [address, index] = [peer, -1];
    for (const hop of hops) {
      if (hop === undefined) break;
      address = hop;
      index++;
      if (!this.#trusts(hop)) break;
    }
    return { address, index };
  }
}

function toScheme(text: string | undefined): Origin["scheme"] {
  const scheme = text?.toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : undefined;
}

/** RFC 9110 §7.2: a host name, IPv4 or bracketed IPv6 address, and a port. */
function toHost(text: string | undefined): string | undefined {
  return text !== undefined && isHost(text) ? text : undefined;
}

export function isHost(text: string): boolean {
  const found = /^([A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(text);
  return found !== null && Number(found[2] ?? 0) <= 65_535 && URL.canParse(`http://${text}/`);
}

function toNetwork(text: unknown): Network {
  return (
    (typeof text === "string" ? parseNetwork(text) : undefined) ?? refuse("trustedProxies", text)
  );
}

function refuse(name: string, value: unknown): never {
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${name} was given ${JSON.stringify(value)}.`,
    `It takes a list of addresses ("192.0.2.1"), networks ("10.0.0.0/8", without bits behind the prefix) and the names ${[...names.keys()].join(", ")}.`,
  );
}
