/** Values to messages and back: JSON text, or bytes as they are; checked by the schema on both sides, if there is one. */
import { RobynError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Logger } from "../logger.ts";
import type { ChannelMessage } from "../native/core.ts";
import { type Result, type Schema, type Validator, validatorOf } from "../validation/schema.ts";

export class Codec {
  readonly #name: string;
  readonly #validator: Validator | undefined;

  constructor(name: string, schema: Schema | undefined) {
    this.#name = name;
    this.#validator = schema === undefined ? undefined : validatorOf(schema);
  }

  /** @throws RobynError ROBYN_CHANNEL_VALUE_INVALID; of an asynchronous schema the promise rejects. */
  encode(value: unknown): ChannelMessage | Promise<ChannelMessage> {
    if (this.#validator === undefined) return this.#toMessage(value);
    const result = this.#validator.validateAnswer(value);
    return result instanceof Promise
      ? result.then((late) => this.#toMessage(this.#accepted(late)))
      : this.#toMessage(this.#accepted(result));
  }

  /**
   * A message that is no JSON or breaks the schema (an older version of the code may have sent it) is logged and left
   * out: it would be the same the next time, and stop everything behind it.
   */
  async decode(messages: readonly ChannelMessage[], logger: Logger): Promise<unknown[]> {
    const values: unknown[] = [];
    for (const message of messages) {
      const result = this.#read(message);
      const checked = result instanceof Promise ? await result : result;
      if ("value" in checked) values.push(checked.value);
      else logger.error(`channel "${this.#name}": a message was left out, ${sentenceOf(checked)}`);
    }
    return values;
  }

  tooLarge(): RobynError {
    return this.#invalid(
      `is larger than ${limits.channel_message_bytes_max} bytes`,
      "Put what is large elsewhere, and send where it is.",
    );
  }

  #read(message: ChannelMessage): Result | Promise<Result> {
    let value: unknown = message;
    if (typeof message === "string") {
      try {
        value = JSON.parse(message);
      } catch {
        return { issues: [{ pointer: "", detail: "is no JSON" }] };
      }
    }
    return this.#validator === undefined ? { value } : this.#validator.validate(value);
  }

  #accepted(result: Result): unknown {
    if ("value" in result) return result.value;
    throw this.#invalid(
      `does not fit its schema: ${sentenceOf(result)}`,
      "Send what the schema declares.",
    );
  }

  #toMessage(value: unknown): ChannelMessage {
    if (value instanceof Uint8Array) return value;
    // As JSON they would be objects without anything in them, or numbers by their index.
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (ArrayBuffer.isView(value))
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    let fault = `is ${typeof value}, which JSON cannot say`;
    try {
      const text: string | undefined = JSON.stringify(value);
      if (text !== undefined) return text;
    } catch (error) {
      fault = `has no JSON form: ${error instanceof Error ? error.message : String(error)}`;
    }
    throw this.#invalid(fault, "Send JSON or bytes.");
  }

  #invalid(what: string, fix: string): RobynError {
    return new RobynError(
      "ROBYN_CHANNEL_VALUE_INVALID",
      `A value for the channel "${this.#name}" ${what}.`,
      fix,
    );
  }
}

function sentenceOf(result: Result): string {
  if (!("issues" in result)) return "";
  return result.issues.map(({ pointer, detail }) => `${pointer || "it"} ${detail}`).join("; ");
}
