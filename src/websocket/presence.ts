/**
 * Who is subscribed to a topic, in all processes. Every process tells the others of its own sockets, and forgets those of
 * a process with the process: nothing has to be cleaned up after one that was killed.
 */

/** One subscribed socket. */
export interface Member {
  /** Id of the socket: `app.send(id, …)` reaches it. */
  readonly id: string;
  /** What was given to `subscribe(topic, { as })`; JSON. */
  readonly as: unknown;
}

export interface TopicPresence {
  /** Subscribed sockets. Event streams are not counted. */
  readonly count: number;
  readonly members: readonly Member[];
}

/** A socket came to a topic, came again as somebody else, or left. */
export interface PresenceChange {
  readonly topic: string;
  readonly id: string;
  readonly joined: boolean;
  readonly as: unknown;
}

/** It is kept in every process, for every socket and topic. */
const as_characters_max = 4_096;

/** A process: the number of its place in the cluster, or its name where it belongs to another one. */
export type Origin = number | string;

type Members = Map<string, unknown>;
type Table = Map<string, Members>;

export class Presence {
  readonly #local: Table = new Map();
  /** Topics of each socket of this process. */
  readonly #topics = new Map<string, Set<string>>();
  /** By process. */
  readonly #remote = new Map<Origin, Table>();
  /** Set by who joins processes. */
  onChange: ((change: PresenceChange) => void) | undefined;

  /** @throws TypeError for an `as` that has no JSON, or too much of it */
  join(topic: string, id: string, given: unknown): void {
    const as = given === undefined ? undefined : plain(given);
    const topics = this.#topics.get(id) ?? new Set();
    const known = this.#local.get(topic);
    if (known?.has(id) === true && as === undefined) return;
    this.#topics.set(id, topics.add(topic));
    put(this.#local, topic, id, as);
    this.onChange?.({ topic, id, joined: true, as });
  }

  leave(topic: string, id: string): void {
    const topics = this.#topics.get(id);
    if (topics?.delete(topic) !== true) return;
    if (topics.size === 0) this.#topics.delete(id);
    drop(this.#local, topic, id);
    this.onChange?.({ topic, id, joined: false, as: undefined });
  }

  /** The socket is gone. */
  leaveAll(id: string): void {
    for (const topic of [...(this.#topics.get(id) ?? [])]) this.leave(topic, id);
  }

  of(topic: string): TopicPresence {
    const members = [this.#local, ...this.#remote.values()].flatMap((table) =>
      [...(table.get(topic) ?? [])].map(([id, as]): Member => ({ id, as })),
    );
    return { count: members.length, members };
  }

  /** All sockets of this process, for one that has just come. */
  *changes(): Generator<PresenceChange> {
    for (const [topic, members] of this.#local)
      for (const [id, as] of members) yield { topic, id, joined: true, as };
  }

  /** What another process has told. */
  apply(from: Origin, { topic, id, joined, as }: PresenceChange): void {
    const table = this.#remote.get(from) ?? new Map<string, Members>();
    this.#remote.set(from, table);
    if (joined) put(table, topic, id, as);
    else drop(table, topic, id);
  }

  /** The process is gone. */
  forget(from: Origin): void {
    this.#remote.delete(from);
  }
}

/** As every process sees it: what JSON makes of it, now. */
function plain(given: unknown): unknown {
  const text: unknown = JSON.stringify(given);
  if (typeof text === "string" && text.length <= as_characters_max) return JSON.parse(text);
  const fault = typeof text === "string" ? `has ${text.length} characters` : "has no JSON form";
  throw new TypeError(`subscribe() was given an \`as\` that ${fault}; it takes up to 4,096`);
}

function put(table: Table, topic: string, id: string, as: unknown): void {
  const members = table.get(topic);
  if (members === undefined) table.set(topic, new Map([[id, as]]));
  else members.set(id, as);
}

function drop(table: Table, topic: string, id: string): void {
  const members = table.get(topic);
  members?.delete(id);
  if (members?.size === 0) table.delete(topic);
}
