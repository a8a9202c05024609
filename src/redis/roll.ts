/**
 * Who is there: the listeners of other clusters, and the sockets that are subscribed at each of them.
 *
 * Every listener keeps the sockets of its own in one hash with an expiry, under a number that every change makes higher,
 * and tells each change with its number. Who misses one sees it by the next number, at the latest with the next sign of
 * life, and reads the hash. So what was lost on the way is found again, and nobody has to clean up after the dead.
 */
import type { Hub } from "../websocket/hub.ts";
import type { PresenceChange } from "../websocket/presence.ts";
import type { Connection } from "./connection.ts";
import type { Heads, Sender, Sign } from "./messages.ts";

interface Other {
  epoch: number;
  /** Of what is known here; −1: nothing. */
  revision: number;
  /** The highest that was heard of. */
  latest: number;
  isReading: boolean;
  /** Beats of this listener since the last sign of life. */
  silent: number;
}

export interface RollOptions {
  readonly connection: Connection;
  readonly hub: Hub;
  /** Each connection writes into a hash of its own: no command of an earlier one can disturb it. */
  readonly keyOf: (sender: Sender) => string;
  /** Milliseconds after which the hash of a dead listener is gone. */
  readonly expiry_ms: number;
  readonly tell: <Kind extends "hello" | "beat" | "presence" | "bye">(
    kind: Kind,
    head: Heads[Kind],
  ) => boolean;
}

const silentBeats_max = 3;
const revisionField = "revision";

/** At once: nobody reads half of it. */
const writeScript = `
redis.call("DEL", KEYS[1])
for at = 2, #ARGV, 2 do redis.call("HSET", KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call("PEXPIRE", KEYS[1], ARGV[1])`;

export class Roll {
  readonly #options: RollOptions;
  readonly #others = new Map<string, Other>();
  #revision = 0;
  /** What Redis has of this listener may not be what is. */
  #isDirty = true;

  constructor(options: RollOptions) {
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#others.has(name);
  }

  /** There is a connection, for the first time or again. */
  greet(): void {
    this.#isDirty = true;
    this.#write();
    this.#options.tell("hello", this.sign);
  }

  beat(): void {
    if (this.#options.connection.isUp) {
      if (this.#isDirty) this.#write();
      else void this.#prolong();
      this.#options.tell("beat", this.sign);
    }
    for (const [name, other] of this.#others) if (++other.silent > silentBeats_max) this.drop(name);
  }

  /** A socket of this listener came or left. */
  change(change: PresenceChange): void {
    this.#revision++;
    const { connection } = this.#options;
    if (this.#isDirty || !connection.isUp) {
      this.#isDirty = true;
    } else {
      const field = fieldOf(change);
      const revision = [revisionField, String(this.#revision)];
      const isKept = change.joined
        ? connection.send("HSET", [this.#key, field, asText(change.as), ...revision])
        : connection.send("HDEL", [this.#key, field]) &&
          connection.send("HSET", [this.#key, ...revision]);
      if (!isKept) this.#isDirty = true;
    }
    // Others read what this says only after it: one connection, one order.
    if (connection.isUp) this.#options.tell("presence", { ...this.sign, change });
  }

  /** Whether something was heard already that the same listener has sent through a later connection. */
  isStale({ name, epoch }: Sender): boolean {
    return epoch < (this.#others.get(name)?.epoch ?? 0);
  }

  hear(sign: Sign): void {
    if (this.isStale(sign)) return;
    const { name, revision } = sign;
    const other = this.#of(sign);
    other.silent = 0;
    other.latest = Math.max(other.latest, revision);
    if (other.latest > other.revision) void this.#read(name, other);
  }

  apply(sign: Sign, change: PresenceChange): void {
    if (this.isStale(sign)) return;
    const other = this.#of(sign);
    if (!other.isReading && sign.revision === other.revision + 1) {
      other.revision = sign.revision;
      this.#options.hub.presence.apply(sign.name, change);
    }
    this.hear(sign);
  }

  drop(name: string): void {
    this.#others.delete(name);
    this.#options.hub.presence.forget(name);
  }

  leave(): void {
    const { connection, hub, tell } = this.#options;
    if (!connection.isUp) return;
    connection.send("DEL", [this.#key]);
    tell("bye", { name: hub.name });
  }

  get sender(): Sender {
    const { hub, connection } = this.#options;
    return { name: hub.name, epoch: connection.epoch };
  }

  get sign(): Sign {
    return { ...this.sender, revision: this.#revision };
  }

  get #key(): string {
    return this.#options.keyOf(this.sender);
  }

  /** Of a later connection nothing is known yet, but those who were there are there until it is. */
  #of({ name, epoch }: Sender): Other {
    const known = this.#others.get(name);
    if (known?.epoch === epoch) return known;
    const other = { epoch, revision: -1, latest: -1, isReading: false, silent: 0 };
    this.#others.set(name, other);
    return other;
  }

  #write(): void {
    const { connection, hub, expiry_ms } = this.#options;
    const args = [writeScript, "1", this.#key, String(expiry_ms)];
    for (const change of hub.presence.changes()) args.push(fieldOf(change), asText(change.as));
    args.push(revisionField, String(this.#revision));
    this.#isDirty = !connection.send("EVAL", args);
  }

  async #prolong(): Promise<void> {
    const { connection, expiry_ms } = this.#options;
    const isThere = await connection
      .ask("PEXPIRE", [this.#key, String(expiry_ms)])
      .catch(() => undefined);
    if (isThere !== 1) this.#isDirty = true;
  }

  /** Until what is known here is what was heard of; what cannot be read now is tried with the next sign of life. */
  async #read(name: string, other: Other): Promise<void> {
    if (other.isReading) return;
    other.isReading = true;
    const { connection, hub, keyOf } = this.#options;
    const key = keyOf({ name, epoch: other.epoch });
    try {
      while (other.revision < other.latest) {
        const fields = entriesOf(await connection.ask("HGETALL", [key]));
        const revision = Number(fields.get(revisionField) ?? -1);
        if (this.#others.get(name) !== other || revision <= other.revision) return;
        fields.delete(revisionField);
        hub.presence.forget(name);
        for (const [field, as] of fields) {
          const [topic, id] = JSON.parse(field) as [string, string];
          hub.presence.apply(name, { topic, id, joined: true, as: parsed(as) });
        }
        other.revision = revision;
      }
    } catch {
      // No connection, no answer, or something that this version cannot read.
    } finally {
      other.isReading = false;
    }
  }
}

function fieldOf({ topic, id }: PresenceChange): string {
  return JSON.stringify([topic, id]);
}

/** Empty: nothing was said. */
function asText(as: unknown): string {
  return as === undefined ? "" : JSON.stringify(as);
}

function parsed(text: string): unknown {
  return text === "" ? undefined : JSON.parse(text);
}

/** RESP 3 has a map for it, RESP 2 a list. */
function entriesOf(reply: unknown): Map<string, string> {
  if (!Array.isArray(reply)) return new Map(Object.entries(Object(reply)));
  const entries = new Map<string, string>();
  for (let at = 0; at + 1 < reply.length; at += 2)
    entries.set(String(reply[at]), String(reply[at + 1]));
  return entries;
}
