/** Scripts that Redis runs at once: nobody sees half of what one does. */
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
   * @throws what Redis says, and where there is no answer within the time limit; it may have run all the same
   */
  async run(
    connection: Pick<Connection, "ask">,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const given = [String(keys.length), ...keys, ...args];
    try {
      return await connection.ask("EVALSHA", [this.#digest, ...given]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return await connection.ask("EVAL", [this.#text, ...given]);
    }
  }
}
