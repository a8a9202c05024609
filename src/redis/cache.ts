/**
 * The second level of kept answers: what one cluster has computed, the others find in Redis. Memory of a cluster comes first,
 * and its own rules about what may be kept are the only ones.
 */
import { isUtf8 } from "node:buffer";
import type { AppCache } from "../cache/app-cache.ts";
import type { RemoteCache, SharedAnswer, SharedLook } from "../native/core.ts";
import { keepScript, lookScript } from "./cache-scripts.ts";
import type { Connection } from "./connection.ts";
import { cellOf, Invalidations } from "./invalidations.ts";
import type { RedisSettings } from "./options.ts";

export interface RedisCacheOptions {
  readonly connection: Connection;
  readonly settings: RedisSettings;
  readonly cache: AppCache;
  /** Where all listeners hear. */
  readonly channel: string;
  /** What they are told there. */
  readonly messageOf: (names: readonly string[]) => string;
}

/** Names of three keys: of an answer, of what was invalidated, of all answers in the order in which they came. */
export type CacheKeys = readonly [answer: string, ends: string, list: string];

/** Of the texts of an answer. Counts up with every change of them, so that nobody reads what he does not understand. */
const format = 1;
/** Longer ones stay where they are: they would hold up what else goes through the connection. */
const answer_bytes_max = 262_144;
/** Milliseconds after which Redis forgets all of it if nobody keeps or ends anything. */
export const ends_expiry_ms = 86_400_000;

export class RedisCache implements RemoteCache {
  readonly name = "redis";
  readonly invalidations: Invalidations;
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  /** How many replies there had been when one was waited for in vain: until the next one, nobody waits. */
  #answersInVain = -1;

  constructor(options: RedisCacheOptions) {
    this.#connection = options.connection;
    this.#settings = options.settings;
    this.invalidations = new Invalidations(options, () => this.#keysOf(""));
  }

  tell(names: readonly string[], number: number): void {
    this.invalidations.tell(names, number);
  }

  async look(key: string, now: () => number, patience_ms: number): Promise<SharedLook | undefined> {
    const connection = this.#connection;
    const { version, timeout } = this.#settings;
    // A server that does not say who it is could be one that came back with what it had stored long ago.
    if (version === undefined || connection.server === "" || !connection.isPrompt) return undefined;
    if (connection.answers === this.#answersInVain) return undefined;
    const keys = this.#keysOf(digestOf(JSON.stringify([format, version, key])));
    const asked = now();
    const given = [crypto.randomUUID(), String(ends_expiry_ms)];
    const limit_ms = Math.min(timeout, patience_ms);
    const reply = await lookScript.run(connection, keys, given, limit_ms).catch(() => undefined);
    if (!Array.isArray(reply)) {
      this.#answersInVain = connection.answers;
      return undefined;
    }
    const received = now();
    const [epoch = "", number = "", time_us = "", ...texts] = reply.map(String);
    return {
      found: texts.length === 4 ? answerOf(texts, Number(time_us), asked) : undefined,
      keep: (answer) => {
        // As old as it can be at most, whatever time the question took: it must not be fresh for too long.
        const toServer = (at: number) =>
          String(Math.floor(Number(time_us) + (at - received) / 1e3));
        const { storedAt, freshUntil } = answer;
        this.#keep(keys, [epoch, number], answer, [storedAt, freshUntil].map(toServer));
      },
    };
  }

  #keep(
    keys: CacheKeys,
    ticket: readonly string[],
    { names, head, body }: SharedAnswer,
    times: readonly string[],
  ): void {
    if (2 * head.length + body.length > answer_bytes_max) return;
    const { cacheSize, buffer } = this.#settings;
    const cells = [...new Set(names.map(cellOf))].join(" ");
    const isText = isUtf8(body);
    const texts = [JSON.stringify([names, head, isText]), textOf(body, isText)];
    const args = [...ticket, cells, ...times, ...texts, String(ends_expiry_ms), String(cacheSize)];
    // Half of the room is for what has to be told.
    keepScript.post(this.#connection, keys, args, buffer / 2)?.catch(() => {});
  }

  /** Another server, or the same after a restart, has other keys: it may have come back with an old state. */
  #keysOf(digest: string): CacheKeys {
    const { server } = this.#connection;
    const of = (what: string) => `${this.#settings.prefix}:${what}:${server}`;
    return [`${of("answer")}:${digest}`, of("ends"), of("answers")];
  }
}

/** Headers that a key is made of are not for everybody's eyes, and a key may be 8 KB long. */
function digestOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("base64url");
}

/**
 * Durations go over the wire as differences of Redis' clock, and end here too early by the time of a question at most.
 *
 * @returns undefined for what is none: whatever lies in Redis must not fail a request
 */
function answerOf(
  [stored_us, fresh_us, meta = "", body = ""]: readonly string[],
  time_us: number,
  asked: number,
): SharedAnswer | undefined {
  const here = (at_us: string | undefined) => asked + (Number(at_us) - time_us) * 1e3;
  try {
    const [names, head, isText]: [string[], string, boolean] = JSON.parse(meta);
    return {
      storedAt: Math.min(asked, here(stored_us)),
      freshUntil: here(fresh_us),
      names,
      head,
      body: isText ? new TextEncoder().encode(body) : Uint8Array.fromBase64(body),
    };
  } catch {
    return undefined;
  }
}

function textOf(body: Uint8Array<ArrayBuffer>, isText: boolean): string {
  if (!isText) return body.toBase64();
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
}
