/** Options of channels and consumers, checked by name and range. */
import { RobynError } from "../errors.ts";
import { isSchema, type Schema } from "../validation/schema.ts";

export interface ChannelOptions {
  /**
   * How many messages may wait before `send` does. Exact while one listener sends; several may exceed it together by a
   * sixteenth, or by one message each where that is more. Default 10,000.
   */
  capacity?: number;
  /** Of one message: checked when it is sent and when it arrives. */
  schema?: Schema;
  /** Most messages in one batch. Default 256. */
  batch?: number;
  /** Milliseconds to wait for a batch to fill, from its first message on. Default 0: whatever is there. */
  delay?: number;
}

export interface ConsumeOptions {
  /**
   * How often a batch is tried before it is given up, which is logged: its messages are lost then. Default: until it
   * succeeds, with pauses from 100 ms to 10 s.
   */
  attempts?: number;
}

export interface SendOptions {
  /** Ends the waiting: the message was not sent then, and `send` rejects with the reason of the signal. */
  signal?: AbortSignal;
}

const defaults = { capacity: 10_000, batch: 256, delay: 0 } as const;
/** The highest delay of a timer. */
const delay_ms_max = 2_147_483_647;
const name_bytes_max = 128;

export interface Settings {
  readonly capacity: number;
  readonly batch: number;
  readonly delay: number;
  readonly schema: Schema | undefined;
}

export function checkName(name: string): void {
  const length = typeof name === "string" ? Buffer.byteLength(name) : 0;
  if (length > 0 && length <= name_bytes_max) return;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `app.channel() was given the name ${JSON.stringify(name)}.`,
    `A name is a text of 1 to ${name_bytes_max} bytes.`,
  );
}

export function settingsOf(name: string, options: ChannelOptions): Settings {
  checkNames(`app.channel("${name}")`, options, ["capacity", "schema", "batch", "delay"]);
  const { capacity = defaults.capacity, batch = defaults.batch, delay = defaults.delay } = options;
  checkWhole(name, "capacity", capacity, 1, 1e9);
  checkWhole(name, "batch", batch, 1, 1e9);
  checkWhole(name, "delay", delay, 0, delay_ms_max);
  const { schema } = options;
  if (schema !== undefined && !isSchema(schema)) {
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `app.channel("${name}") was given a schema that is none.`,
      "It takes a TypeBox schema (t) or a Standard Schema.",
    );
  }
  return { capacity, batch, delay, schema };
}

/** @returns the attempts, Infinity by default */
export function attemptsOf(name: string, options: ConsumeOptions): number {
  checkNames(`consume() of the channel "${name}"`, options, ["attempts"]);
  const { attempts } = options;
  if (attempts === undefined) return Number.POSITIVE_INFINITY;
  checkWhole(name, "attempts", attempts, 1, 1e9);
  return attempts;
}

function checkNames(what: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `${what} was given the unknown option "${unknown}".`,
    `It takes ${known.join(", ")}.`,
  );
}

function checkWhole(name: string, option: string, value: number, least: number, most: number) {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RobynError(
    "ROBYN_OPTION_INVALID",
    `The channel "${name}" was given ${option} ${Bun.inspect(value)}.`,
    `It takes a whole number from ${least} to ${most}.`,
  );
}
