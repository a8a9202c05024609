/** The logs of all topics that event streams have asked for, and the numbers of what this process publishes. */
import type { gap, TopicEvent } from "../response/topics.ts";
import { type History, type LogLimits, TopicLog } from "./topic-log.ts";

/** Logs without a follower beyond this are given up, the one that was used longest ago first. */
const logs_max = 1_000;
/** Topics without a log whose messages are numbered at the same time. A topic that begins again does so under a new name. */
const numbered_max = 10_000;

/** What is no position. */
const noPosition = "";

/** Name and number of one message, as other processes are told. */
export interface Stamp {
  readonly publisher: string;
  readonly sequence: number;
}

interface Numbering {
  readonly publisher: string;
  sequence: number;
}

export class TopicLogs {
  readonly #limits: LogLimits;
  /** Unique among processes, of fixed length: what is appended to it stays unique. */
  readonly #process: string;
  /** In the order of use, oldest first. */
  readonly #logs = new Map<string, TopicLog>();
  readonly #numberings = new Map<string, Numbering>();
  #incarnations = 0;

  constructor(process: string, limits: LogLimits) {
    this.#process = process;
    this.#limits = limits;
  }

  has(topic: string): boolean {
    return this.#logs.has(topic);
  }

  /** Numbers a message of this process. */
  stamp(topic: string): Stamp {
    let numbering = this.#numberings.get(topic);
    if (numbering === undefined) {
      numbering = {
        publisher: this.#process + (this.#incarnations++).toString(36),
        sequence: 0,
      };
    } else this.#numberings.delete(topic);
    this.#numberings.set(topic, numbering);
    if (this.#numberings.size > numbered_max + this.#logs.size) this.#forgetNumbers();
    return { publisher: numbering.publisher, sequence: ++numbering.sequence };
  }

  /**
   * Of the topic without a log that was published to longest ago. With another name for each message, the ids of a
   * followed one would grow; those that are met on the way are put behind, so that nobody walks over them each time.
   */
  #forgetNumbers(): void {
    for (const [topic, numbering] of this.#numberings) {
      this.#numberings.delete(topic);
      if (!this.#logs.has(topic)) return;
      this.#numberings.set(topic, numbering);
    }
  }

  /** Keeps a message for those who follow its topic, or did so lately. */
  append(topic: string, { publisher, sequence }: Stamp, data: string): void {
    this.#touch(topic)?.append(publisher, sequence, data);
  }

  /** From the first follower on, the topic has a log; it stays for those who come back. */
  follow(
    topic: string,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<TopicEvent | typeof gap> {
    // A log that begins now knows nothing of what its client has missed, whatever the client has seen.
    const place = after === undefined || this.has(topic) ? after : noPosition;
    return this.keep(topic).follow(place, signal);
  }

  get topics(): Iterable<string> {
    return this.#logs.keys();
  }

  placeOf(topic: string): string | undefined {
    return this.#logs.get(topic)?.place;
  }

  historyOf(topic: string): History | undefined {
    return this.#logs.get(topic)?.history();
  }

  precede(topic: string, history: History): void {
    this.#logs.get(topic)?.precede(history);
  }

  keep(topic: string): TopicLog {
    const known = this.#touch(topic);
    if (known !== undefined) return known;
    const log = new TopicLog(this.#limits);
    this.#logs.set(topic, log);
    this.#giveUp();
    return log;
  }

  #touch(topic: string): TopicLog | undefined {
    const log = this.#logs.get(topic);
    if (log === undefined) return undefined;
    this.#logs.delete(topic);
    this.#logs.set(topic, log);
    return log;
  }

  /** Only what nobody follows: of a followed one, however many there are, somebody would miss every message. */
  #giveUp(): void {
    if (this.#logs.size <= logs_max) return;
    const idle = this.#logs.entries().filter(([, log]) => log.followers === 0);
    const [oldest, ...others] = idle.map(([topic]) => topic);
    if (oldest === undefined || others.length < logs_max) return;
    this.#logs.delete(oldest);
    // What is published meanwhile is not in a later log, so that must not look like a continuation.
    this.#numberings.delete(oldest);
  }
}
