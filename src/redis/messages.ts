/**
 * Messages between clusters: the sender's cluster (36 characters), a letter, a head in JSON, a line feed, and the message
 * itself. Text goes as it is, bytes as Base64: Bun hands over what was published as strings.
 */
import type { PresenceChange } from "../websocket/presence.ts";
import type { Payload } from "../websocket/message.ts";

export interface Heads {
  /** To the subscribers of a topic. */
  publish: Sender & {
    readonly topic: string;
    readonly publisher: string;
    readonly sequence: number;
    readonly compress: boolean;
    readonly except?: string;
    readonly binary: boolean;
  };
  /** To one socket. */
  send: Sender & { readonly id: string; readonly binary: boolean };
  /** An event stream follows these topics. */
  follow: { readonly topics: readonly string[] };
  /** A listener is there for the first time, or again: answered by what the others are. */
  hello: Sign;
  beat: Sign;
  presence: Sign & { readonly change: PresenceChange };
  bye: { readonly name: string };
  /** Kept answers; no names: all of them. */
  invalidate: { readonly names: readonly string[] };
  /** Of a channel: something is to be done, see there. Sent by Redis itself. */
  ring: { readonly channel: string };
}

/**
 * A listener, and which of its connections, one after the other. What it left in one that was cut may arrive when the
 * cable is healed, long after what it sent through the next.
 */
export interface Sender {
  readonly name: string;
  readonly epoch: number;
}

/** With the number of its latest change of presence. */
export interface Sign extends Sender {
  readonly revision: number;
}

export type Message = {
  [Kind in keyof Heads]: { readonly kind: Kind; readonly head: Heads[Kind]; readonly text: string };
}[keyof Heads];

const letters = {
  publish: "p",
  send: "s",
  follow: "f",
  hello: "h",
  beat: "b",
  presence: "m",
  bye: "g",
  invalidate: "i",
  ring: "r",
} as const satisfies Record<keyof Heads, string>;
const kinds = new Map(Object.entries(letters).map(([kind, letter]) => [letter, kind]));

/** Length of a UUID. */
const cluster_length = 36;
/** For what no cluster says, so that all of them listen. */
export const nobody: string = "-".repeat(cluster_length);

export function write<Kind extends keyof Heads>(
  cluster: string,
  kind: Kind,
  head: Heads[Kind],
  text = "",
): string {
  return `${cluster}${letters[kind]}${JSON.stringify(head)}\n${text}`;
}

/** @returns undefined for what is none: anybody may publish what he likes */
export function read(source: string): Message | undefined {
  const kind = kinds.get(source.charAt(cluster_length) as (typeof letters)[keyof Heads]);
  const end = source.indexOf("\n", cluster_length);
  if (kind === undefined || end < 0) return undefined;
  try {
    const head: unknown = JSON.parse(source.slice(cluster_length + 1, end));
    // Who may publish to this Redis is trusted with the application; a version of it that is older is not expected.
    return { kind, head, text: source.slice(end + 1) } as Message;
  } catch {
    return undefined;
  }
}

export function textOf(payload: Payload): { text: string; binary: boolean } {
  if (typeof payload === "string") return { text: payload, binary: false };
  const bytes = payload instanceof Uint8Array ? payload : new Uint8Array(payload);
  return { text: bytes.toBase64(), binary: true };
}

export function payloadOf(text: string, binary: boolean): Payload {
  return binary ? Uint8Array.fromBase64(text) : text;
}
