/** A script that Redis knows by its digest. */
import type { Connection } from "./connection.ts";

export class Script {
  readonly #text: string;
  readonly #digest: string;

  constructor(text: string) {
    this.#text = text;
    this.#digest = new Bun.CryptoHasher("sha1").update(text).digest("hex");
  }

  /**
   * The text goes along only where Redis does not know it, after a restart for instance.
   *
   * @returns the answer; rejects if there is none within the time limit
   */
  async ask(
    connection: Connection,
    keys: readonly string[],
    args: readonly string[],
    limit_ms?: number,
  ): Promise<unknown> {
    const given = [String(keys.length), ...keys, ...args];
    try {
      return await connection.ask("EVALSHA", [this.#digest, ...given], limit_ms);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await connection.ask("EVAL", [this.#text, ...given], limit_ms);
    }
  }

  /** Nobody waits: what was dropped, or refused by Redis, is seen by the promise. @returns undefined if it was dropped */
  post(
    connection: Connection,
    keys: readonly string[],
    args: readonly string[],
    room?: number,
  ): Promise<unknown> | undefined {
    return connection.post("EVAL", [this.#text, String(keys.length), ...keys, ...args], room);
  }
}
