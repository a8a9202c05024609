/** Messages between JavaScript and the wire: JSON by a schema, or as they are. */
import type { Bytes } from "../routing/socket-route.ts";
import { parseBoundedJson } from "../request/json.ts";
import { type Issue, type Result, type Schema, validatorOf } from "../validation/schema.ts";

/** What a frame holds. */
export type Payload = string | Bytes;

/** A message that breaks the schema of its route. Reaches `error`; never repeats what was sent. */
export class MessageError extends Error {
  override readonly name = "MessageError";
  /** Close code that says so (RFC 6455 §7.4.1): 1003 binary, 1007 no JSON, 1008 another shape. */
  readonly code: 1003 | 1007 | 1008;
  readonly issues: readonly Issue[];

  constructor(code: MessageError["code"], message: string, issues: readonly Issue[] = []) {
    super(message);
    this.code = code;
    this.issues = issues;
  }
}

/** @throws MessageError */
export type Decode = (raw: string | Uint8Array) => unknown;

/** @returns what makes a value of a frame, or undefined where frames are left as they are */
export function decoderOf(schema: Schema | undefined): Decode | undefined {
  if (schema === undefined) return undefined;
  const validator = validatorOf(schema);
  return (raw) => {
    if (typeof raw !== "string")
      throw new MessageError(1003, "the message is binary; JSON is text");
    const result = validator.validate(parse(raw));
    return result instanceof Promise ? result.then(valueOf) : valueOf(result);
  };
}

function parse(text: string): unknown {
  try {
    return parseBoundedJson(text);
  } catch {
    throw new MessageError(1007, "the message is not valid JSON");
  }
}

function valueOf(result: Result): unknown {
  if ("issues" in result)
    throw new MessageError(1008, "the message did not pass validation", result.issues);
  return result.value;
}

/** @throws TypeError for what has no form on the wire, or breaks the schema: a mistake of the application */
export type Encode = (message: unknown) => Payload;

export function encoderOf(schema: Schema | undefined, route: string): Encode {
  if (schema === undefined) return encode;
  const validator = validatorOf(schema);
  return (message) => {
    const result = validator.validateAnswer(message);
    if (result instanceof Promise)
      throw new TypeError(`${route}: the schema of what is sent must not be asynchronous`);
    if (!("issues" in result)) return toJson(result.value);
    const faults = result.issues.map(({ pointer, detail }) => `${pointer || "/"} ${detail}`);
    throw new TypeError(`${route} sent a message that breaks its schema: ${faults.join("; ")}`);
  };
}

export function encode(message: unknown): Payload {
  if (typeof message === "string") return message;
  if (message instanceof ArrayBuffer) return message;
  // Any view: Bun takes them all.
  if (ArrayBuffer.isView(message)) return message as Uint8Array;
  return toJson(message);
}

function toJson(message: unknown): string {
  const text: unknown = JSON.stringify(message);
  if (typeof text === "string") return text;
  throw new TypeError(`a message is ${typeof message}, which has no JSON form`);
}

export function sizeOf(payload: Payload): number {
  return typeof payload === "string" ? payload.length : payload.byteLength;
}
