/** Messages between an application and the wire: JSON, or as they are. */
import type { Payload } from "./queue.ts";
import type { Raw } from "./types.ts";

/** @throws TypeError for what has no form on the wire */
export type Encode = (message: unknown) => Payload;
/** @throws Error for what is not what was agreed on */
export type Decode<Received> = (data: string | Uint8Array) => Received;

export function codecOf<Received>(raw: Raw): { encode: Encode; decode: Decode<Received> } {
  const decode = raw === true || raw === "received" ? (data: unknown) => data : fromJson;
  return {
    encode: raw === true || raw === "sent" ? asItIs : toJson,
    // The one place where the word of the server's type is taken: the server checks what it sends by the same schema.
    decode: decode as Decode<Received>,
  };
}

/** Bytes are copied: they may wait, and their owner may write to them. */
function asItIs(message: unknown): Payload {
  if (typeof message === "string") return message;
  if (message instanceof ArrayBuffer) return new Uint8Array(message.slice());
  if (message instanceof Uint8Array) return new Uint8Array(message);
  throw new TypeError(`a raw message is text or bytes, not ${typeof message}`);
}

function toJson(message: unknown): string {
  const text: unknown = JSON.stringify(message);
  if (typeof text === "string") return text;
  throw new TypeError(`a message is ${typeof message}, which has no JSON form`);
}

function fromJson(data: string | Uint8Array): unknown {
  if (typeof data !== "string") throw new TypeError("a message is binary, where JSON was expected");
  return JSON.parse(data);
}
