/** What topics, sockets and channels of one listener have to do with those of the others, carried by the bus. */
import type { Doorbell } from "../channel/doorbell.ts";
import type { Logger } from "../logger.ts";
import type { Hub, Remote, RemoteOptions } from "../websocket/hub.ts";
import type { Payload } from "../websocket/message.ts";
import type { PresenceChange } from "../websocket/presence.ts";
import type { History } from "../websocket/topic-log.ts";
import type { Stamp } from "../websocket/topic-logs.ts";
import { Bus, type BusPlace } from "./bus.ts";
import {
  frame,
  MessageWriter,
  readPublished,
  readSent,
  readText,
  readTopic,
} from "./message-frames.ts";
import { Recalls } from "./recalls.ts";

export class Exchange implements Remote, Doorbell {
  readonly #bus: Bus;
  readonly #writer = new MessageWriter();
  /** The listener of each hub, by the name that its sockets' ids begin with. */
  readonly #slots = new Map<string, number>();
  readonly #recalls: Recalls;
  readonly #onFollowed: () => void;
  /** What was followed before there was a hub. */
  readonly #unheeded: [from: number, topics: readonly string[]][] = [];
  #hub: Hub | undefined;

  /** @param onFollowed event streams of others follow topics: a hub is needed here before their clients come */
  constructor(place: BusPlace, logger: Logger, onFollowed: () => void = () => {}) {
    this.#onFollowed = onFollowed;
    this.#bus = new Bus(place, (error) =>
      logger.error("a message of another process was not delivered", error),
    );
    this.#recalls = new Recalls((slot, topic) =>
      this.#bus.send(slot, frame.recall, this.#writer.text(topic)),
    );
    this.#bus.on(frame.follow, (from, bytes) => this.#heed(from, [readText(bytes)]));
    this.#bus.on(frame.followed, (from, bytes) => this.#heed(from, JSON.parse(readText(bytes))));
    this.#bus.onJoin((slot) => this.#tellFollowed((it) => this.#bus.send(slot, ...it)));
    this.#bus.onLeave((slot) => this.#forget(slot));
    this.#bus.onLeave((slot) => this.#recalls.forget(slot));
    this.#bus.onMissed((slot) => this.#tellAll(frame.name, (it) => this.#bus.send(slot, ...it)));
  }

  /** Resolves when this listener hears those that were there, and is heard by them. */
  open(): Promise<void> {
    return this.#bus.open();
  }

  /** From now on the hub reaches the others. It may be made long after the start, with the first use of a topic. */
  attach(hub: Hub): void {
    this.#hub = hub;
    this.#bus.on(frame.publish, (_, bytes) => this.#deliver(hub, bytes));
    this.#bus.on(frame.send, (_, bytes) => {
      const { id, payload } = readSent(bytes);
      hub.deliverTo(id, payload);
    });
    this.#bus.on(frame.hello, (from, bytes) => {
      this.#meet(from, readText(bytes));
      this.#tellAll(frame.name, (it) => this.#bus.send(from, ...it));
    });
    this.#bus.on(frame.name, (from, bytes) => this.#meet(from, readText(bytes)));
    this.#bus.on(frame.recall, (from, bytes) => this.#answer(from, readText(bytes)));
    this.#bus.on(frame.history, (from, bytes) => {
      const { topic, history }: Recalled = JSON.parse(readText(bytes));
      if (this.#recalls.answered(from, topic) && history !== undefined) hub.precede(topic, history);
    });
    this.#bus.on(frame.presence, (from, bytes) => {
      const change: PresenceChange = JSON.parse(readText(bytes));
      hub.presence.apply(from, change);
    });
    hub.join(this);
    // Of two that meet, one attaches last: it says hello to the other, and gets an answer.
    this.#tellAll(frame.hello, (it) => this.#bus.broadcast(...it));
    for (const [from, topics] of this.#unheeded.splice(0)) this.#heed(from, topics);
  }

  /** Resolves when what others have kept is here, as far as they have told of it; they are not waited for any longer. */
  async caughtUp(): Promise<void> {
    await Promise.race([this.#recalls.idle, Bun.sleep(caughtUp_ms_max)]);
  }

  onRing(callback: () => void): void {
    this.#bus.on(frame.ring, callback);
  }

  /** Messages that others did not take, because they had stopped reading. */
  get dropped(): number {
    return this.#bus.dropped;
  }

  publish(topic: string, payload: Payload, stamp: Stamp, options: RemoteOptions): void {
    const { compress, except } = options;
    const message = { topic, payload: toBytes(payload), compress, except, ...stamp };
    this.#bus.broadcast(frame.publish, this.#writer.publish(message));
  }

  send(id: string, payload: Payload): boolean {
    const slot = this.#slots.get(id.slice(0, id.indexOf("-")));
    if (slot === undefined) return false;
    return this.#bus.send(slot, frame.send, this.#writer.send(id, toBytes(payload)));
  }

  follow(topic: string): void {
    this.#bus.broadcast(frame.follow, this.#writer.text(topic));
  }

  changePresence(change: PresenceChange): void {
    this.#bus.broadcast(frame.presence, this.#writer.text(JSON.stringify(change)));
  }

  /** Wakes what waits for channels in the listener of that slot. */
  ring(slot: number): void {
    this.#bus.send(slot, frame.ring, nothing);
  }

  /** How many others this listener reaches. */
  get peers(): number {
    return [...this.#bus.peers].length;
  }

  close(): Promise<void> {
    return this.#bus.close();
  }

  #deliver(hub: Hub, bytes: Uint8Array): void {
    const topic = readTopic(bytes);
    if (!hub.wants(topic)) return;
    const { payload, publisher, sequence, compress, except } = readPublished(bytes, topic);
    hub.deliver(topic, payload, { publisher, sequence }, { compress, except });
  }

  /** Whoever says its name tells everything anew behind it. */
  #meet(slot: number, name: string): void {
    this.#forget(slot);
    this.#slots.set(name, slot);
  }

  /** The name of the hub, and what is known here and must be known elsewhere. */
  #tellAll(kind: number, tell: Tell): void {
    const hub = this.#hub;
    if (hub === undefined) return;
    tell([kind, this.#writer.text(hub.name)]);
    this.#tellFollowed(tell);
    for (const change of hub.presence.changes())
      tell([frame.presence, this.#writer.text(JSON.stringify(change))]);
  }

  #tellFollowed(tell: Tell): void {
    const topics = [...(this.#hub?.followed ?? [])];
    if (topics.length > 0) tell([frame.followed, this.#writer.text(JSON.stringify(topics))]);
  }

  /** Of what is new here, the other one is asked for what it has kept: what was used last first. */
  #heed(from: number, topics: readonly string[]): void {
    const hub = this.#hub;
    if (hub === undefined) {
      this.#unheeded.push([from, topics]);
      return this.#onFollowed();
    }
    this.#recalls.add(from, topics.filter((topic) => hub.keep(topic)).toReversed());
  }

  #answer(to: number, topic: string): void {
    const history = this.#hub?.historyOf(topic);
    const size = history?.entries.reduce((sum, [, , data]) => sum + data.length, 0) ?? 0;
    const answer: Recalled = {
      topic,
      history: size > history_characters_max ? undefined : history,
    };
    this.#bus.send(to, frame.history, this.#writer.text(JSON.stringify(answer)));
  }

  #forget(slot: number): void {
    this.#hub?.presence.forget(slot);
    for (const [name, holder] of this.#slots) if (holder === slot) this.#slots.delete(name);
  }
}

type Tell = (frame: readonly [kind: number, payload: Uint8Array]) => void;

interface Recalled {
  readonly topic: string;
  readonly history: History | undefined;
}

const caughtUp_ms_max = 1_000;
/** More would keep messages waiting for too long; event streams that come back get a gap then. */
const history_characters_max = 16 * 1_048_576;

const nothing = new Uint8Array(0);

function toBytes(payload: Payload): string | Uint8Array {
  if (typeof payload === "string" || payload instanceof Uint8Array) return payload;
  return new Uint8Array(payload);
}
