/**
 * The receiving end of a channel in Redis. It looks like that of a cluster's own memory, where nothing waits: messages are
 * fetched ahead, and what is acknowledged goes to Redis with the next command, of which there is one at a time.
 */
import type { RemoteOptions } from "../channel/remote.ts";
import { limits } from "../limits.ts";
import type { ChannelMessage, ReceivingEnd } from "../native/core.ts";
import { type ChannelKeys, receive } from "./channel-scripts.ts";
import type { Connection } from "./connection.ts";
import { payloadOf } from "./messages.ts";

export interface ReceiverOptions extends Pick<RemoteOptions, "batch" | "wake"> {
  readonly connection: Connection;
  readonly keys: ChannelKeys;
  readonly listener: string;
  readonly expiry_ms: number;
  readonly inbox: string;
  readonly everybody: string;
  /** What this listener is rung with. */
  readonly ring: string;
  readonly onCounts: (counts: number[]) => void;
  readonly onFailed: (error: unknown) => void;
}

interface Fetched {
  readonly id: string;
  readonly message: ChannelMessage;
}

/** Messages that are fetched ahead: fewer make a round trip for each small batch. */
const fetch_min = 64;
const fetch_max = 1_000;
/** Of one command: Redis does nothing else meanwhile, and its answer has to come in time. */
const fetchLength_max = 262_144;
/** Of what waits in memory: as in the memory of a cluster. */
const aheadLength_max = limits.channel_ring_bytes;
/** Behind nothing: what was handed out before and not acknowledged comes first, then what never was. */
const begin = "0-0";

export class RedisReceiver implements ReceivingEnd<ChannelMessage> {
  readonly #options: ReceiverOptions;
  readonly #ahead: number;
  /** What was fetched and not handed out, and how long it is. */
  #fetched: Fetched[] = [];
  #length = 0;
  #handedOut: string[] = [];
  /** Acknowledged here, and not yet there. */
  #done: string[] = [];
  #from = begin;
  #mayHaveMore = true;
  #isWanted = false;
  /** Higher with each release: what was under way then belongs to nobody. */
  #term = 0;
  /** On the clock of this process; one that was stopped beyond it does not hand out what is not its own any more. */
  #heldUntil = 0;
  /** Redis may know this listener as the consumer. */
  #owesRelease = false;
  #isDue = false;
  /** Whoever takes waits for more. */
  #isGathering = false;
  #hasFailed = false;
  #working: Promise<void> | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#ahead = Math.min(Math.max(2 * options.batch, fetch_min), fetch_max);
  }

  lease(): boolean {
    if (!this.#isWanted) {
      this.#isWanted = true;
      this.look();
    }
    return this.#holds;
  }

  release(): number[] {
    this.#term++;
    this.#isWanted = false;
    this.#heldUntil = 0;
    this.#handedOut = [];
    this.#forget();
    this.#work();
    return [];
  }

  /** Redis keeps what is left, for whoever comes. */
  hasRival(): boolean {
    return true;
  }

  isEmpty(): boolean {
    return false;
  }

  take(max: number): ChannelMessage[] {
    // What comes next is handed out when Redis has the acknowledgement: never more than one batch comes again.
    if (!this.#holds || this.#done.length > 0) return [];
    // What is there comes together, although it is fetched in pieces.
    const { isPrompt } = this.#options.connection;
    this.#isGathering = this.#fetched.length < max && this.#canFetch && isPrompt;
    if (this.#isGathering) {
      this.#work();
      return [];
    }
    const taken = this.#fetched.splice(0, max);
    for (const { id, message } of taken) {
      this.#handedOut.push(id);
      this.#length -= message.length;
    }
    this.#work();
    return taken.map(({ message }) => message);
  }

  acknowledge(): number[] {
    for (const id of this.#handedOut) this.#done.push(id);
    this.#handedOut = [];
    this.#work();
    return [];
  }

  maySleep(): boolean {
    return this.#fetched.length === 0 || this.#done.length > 0 || this.#isGathering;
  }

  /**
   * Prolongs the lease or asks for it, and looks for messages; or lets go, where that is still to be said.
   *
   * @returns false if nobody here consumes
   */
  look(): boolean {
    this.#isDue = true;
    this.#mayHaveMore = true;
    this.#work();
    return this.#isWanted;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  get #holds(): boolean {
    return performance.now() < this.#heldUntil;
  }

  get #canFetch(): boolean {
    return (
      this.#mayHaveMore &&
      this.#holds &&
      this.#fetched.length < this.#ahead &&
      this.#length < aheadLength_max
    );
  }

  get #needsWork(): boolean {
    if (!this.#options.connection.isPrompt) return false;
    if (!this.#isWanted) return this.#owesRelease;
    return this.#isDue || this.#done.length > 0 || this.#canFetch;
  }

  #work(): void {
    if (this.#working !== undefined || !this.#needsWork) return;
    this.#working = this.#run().finally(() => {
      this.#working = undefined;
      // What came up since the last look; after a failure, with the next sign of life.
      if (!this.#hasFailed) this.#work();
    });
  }

  async #run(): Promise<void> {
    // Later in this turn: a consumer acknowledges and takes in one go, which makes one command.
    await Promise.resolve();
    this.#hasFailed = false;
    while (this.#needsWork && !this.#hasFailed) {
      try {
        await this.#receive();
      } catch (error) {
        // It may have been done all the same. What is not being handled is fetched again.
        this.#forget();
        this.#hasFailed = true;
        this.#options.onFailed(error);
      }
    }
  }

  async #receive(): Promise<void> {
    const { connection, keys, listener, expiry_ms, inbox, everybody, ring } = this.#options;
    const { stream, lease, state, waiting } = keys;
    const start = performance.now();
    const term = this.#term;
    const isWanted = this.#isWanted;
    const done = this.#done.slice();
    // Before it is known who consumes, nothing is fetched.
    const from = isWanted && this.#canFetch ? this.#from : "";
    this.#isDue = false;
    // A ring that comes before the answer says so again: it may be of a message that the answer has missed.
    if (from !== "") this.#mayHaveMore = false;
    if (isWanted) this.#owesRelease = true;
    const reply = await receive.run(
      connection,
      [stream, lease, state, waiting],
      [
        ...[listener, String(connection.epoch), String(isWanted ? expiry_ms : 0), from],
        ...[String(this.#ahead), String(fetchLength_max), inbox, ring, everybody, ...done],
      ],
    );
    if (!Array.isArray(reply)) throw new Error("it is no answer");
    const [held, next, more, ...rest] = reply;
    this.#options.onCounts(rest.slice(0, 5).map(Number));
    // What was acknowledged meanwhile stays: a loop that was left may do so.
    this.#done = this.#done.slice(done.length);
    if (done.length > 0) this.#options.wake();
    if (!isWanted) this.#owesRelease = false;
    else if (held === 0) this.#lose();
    else if (held === 2 || this.#heldUntil === 0 || term !== this.#term) this.#win(start);
    else {
      this.#heldUntil = start + expiry_ms;
      if (from !== "") this.#add(rest.slice(5), String(next), more === 1);
    }
  }

  #lose(): void {
    this.#heldUntil = 0;
    this.#owesRelease = false;
    // Whoever consumes now handles it again.
    this.#done = [];
    this.#forget();
  }

  /** Somebody else may have been it meanwhile: only what is being handled here is left out, it is acknowledged then. */
  #win(start: number): void {
    if (!this.#isWanted) return;
    this.#forget();
    this.#heldUntil = start + this.#options.expiry_ms;
    this.#options.wake();
  }

  #add(fields: readonly unknown[], next: string, mayHaveMore: boolean): void {
    this.#from = next;
    if (mayHaveMore) this.#mayHaveMore = true;
    for (let at = 0; at + 2 < fields.length; at += 3) {
      const payload = payloadOf(String(fields[at + 2]), fields[at + 1] === "b");
      const message = typeof payload === "string" ? payload : new Uint8Array(payload);
      this.#fetched.push({ id: String(fields[at]), message });
      this.#length += message.length;
    }
    if (fields.length > 0 || this.#isGathering) this.#options.wake();
  }

  /** What was fetched and not handed out does not count: it is fetched again. */
  #forget(): void {
    this.#fetched = [];
    this.#length = 0;
    this.#from = this.#handedOut.at(-1) ?? begin;
    this.#mayHaveMore = true;
  }
}
