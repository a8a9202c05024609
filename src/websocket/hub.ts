/**
 * Who is connected, and the way of every message that is not an answer on its own connection. Local subscribers are
 * reached through Bun's topics; everything that concerns other processes goes through `Remote`.
 */
import type { BunServer } from "../request/context.ts";
import type { gap, TopicEvent, Topics } from "../response/topics.ts";
import type { PublishOptions } from "../routing/socket-route.ts";
import type { Connection } from "./connection.ts";
import { encode, type Payload, sizeOf } from "./message.ts";
import { checkTopic } from "./topic.ts";
import type { TopicSettings, WebSocketSettings } from "./settings.ts";
import { Presence, type PresenceChange } from "./presence.ts";
import type { History } from "./topic-log.ts";
import { type Stamp, TopicLogs } from "./topic-logs.ts";

/** The other processes. Called in the order of what is published. */
export interface Remote {
  /** To their subscribers; there `deliver` is called. `except` is no connection of this process. */
  publish(topic: string, payload: Payload, stamp: Stamp, options: RemoteOptions): void;
  /** To the process that has the connection; there `deliverTo` is called. @returns false if there is none */
  send(id: string, payload: Payload): boolean;
  /** An event stream follows the topic here and may come back elsewhere: there `keep` is called. */
  follow(topic: string): void;
  /** A socket came to a topic here, or left; there `presence.apply` is called. */
  changePresence(change: PresenceChange): void;
}

export interface RemoteOptions {
  readonly compress: boolean;
  readonly except: string | undefined;
}

export interface AppPublishOptions extends PublishOptions {
  /** Id of a socket that does not get it. */
  readonly except?: string;
}

/** Above what any id of a socket has: what is longer is none, wherever it came from. */
const id_characters_max = 64;
const unnumbered: Stamp = { publisher: "", sequence: 0 };

export class Hub implements Topics {
  readonly settings: Required<WebSocketSettings>;
  /** Whether a server has been given the handlers of sockets. */
  isServed = false;
  /** What the ids of the sockets of this process begin with. */
  readonly name: string = crypto.randomUUID().replaceAll("-", "").slice(0, 12);
  readonly presence = new Presence();
  /** For the metrics, since the start. */
  readonly counts = { received: 0, sent: 0, published: 0, slow: 0 };
  /** The rest of the cluster, and other clusters. */
  readonly #remotes: Remote[] = [];
  readonly #connections = new Map<string, Connection>();
  /** One in an application that listens itself; each with its connections. */
  readonly #servers = new Map<BunServer, number>();
  readonly #logs: TopicLogs;
  #count = 0;
  /** Bytes that were published since the last look for slow subscribers. */
  #unseen = 0;

  constructor(settings: Required<WebSocketSettings>, topics: Required<TopicSettings>) {
    this.settings = settings;
    this.#logs = new TopicLogs(this.name, {
      messages: topics.history,
      characters: topics.historySize,
    });
  }

  /** From now on these processes are told what happens here. */
  join(remote: Remote): void {
    this.#remotes.push(remote);
    this.presence.onChange = (change) => {
      for (const it of this.#remotes) it.changePresence(change);
    };
  }

  /** Unique among the sockets of all processes. */
  nextId(): string {
    return `${this.name}-${(this.#count++).toString(36)}`;
  }

  get size(): number {
    return this.#connections.size;
  }

  add(connection: Connection): void {
    const { server } = connection;
    this.#connections.set(connection.id, connection);
    this.#servers.set(server, (this.#servers.get(server) ?? 0) + 1);
  }

  remove({ id, server }: Connection): void {
    if (!this.#connections.delete(id)) return;
    this.presence.leaveAll(id);
    const left = (this.#servers.get(server) ?? 0) - 1;
    if (left > 0) this.#servers.set(server, left);
    else this.#servers.delete(server);
  }

  publish(topic: string, message: unknown, { except, compress = false }: AppPublishOptions = {}) {
    this.publishPayload(topic, encode(message), compress, except);
  }

  publishPayload(
    topic: string,
    payload: Payload,
    compress: boolean,
    except: Connection | string | undefined,
  ): void {
    checkTopic("publish()", topic);
    const local = typeof except === "string" ? this.#connections.get(except) : except;
    this.counts.published++;
    this.#publishLocal(topic, payload, compress, local);
    if (this.#remotes.length === 0 && !this.#logs.has(topic)) return;
    // Event streams get no bytes: a number for them would be missing in the text.
    const stamp = typeof payload === "string" ? this.#logs.stamp(topic) : unnumbered;
    if (typeof payload === "string") this.#logs.append(topic, stamp, payload);
    const elsewhere = isId(except) && local === undefined ? except : undefined;
    for (const remote of this.#remotes)
      remote.publish(topic, payload, stamp, { compress, except: elsewhere });
  }

  /** @returns false if nobody has this id */
  send(id: string, message: unknown): boolean {
    const payload = encode(message);
    if (!isId(id)) return false;
    return this.deliverTo(id, payload) || this.#remotes.some((it) => it.send(id, payload));
  }

  /** Whether anybody here would get what is published. */
  wants(topic: string): boolean {
    if (this.#logs.has(topic)) return true;
    return this.#servers.keys().some((server) => server.subscriberCount(topic) > 0);
  }

  /** Topics that event streams follow, here or elsewhere. */
  get followed(): Iterable<string> {
    return this.#logs.topics;
  }

  /** An event stream of another process follows the topic, and may come back here. @returns whether that is new here */
  keep(topic: string): boolean {
    const isNew = !this.#logs.has(topic);
    this.#logs.keep(topic);
    return isNew;
  }

  /** What is kept of a topic, for a process that has only just started. */
  historyOf(topic: string): History | undefined {
    return this.#logs.historyOf(topic);
  }

  /** What another process has kept of a topic, from before this one heard of it. */
  precede(topic: string, history: History): void {
    this.#logs.precede(topic, history);
  }

  /** A message that another process has published. */
  deliver(
    topic: string,
    payload: Payload,
    stamp: Stamp,
    { compress, except }: RemoteOptions,
  ): void {
    const local = except === undefined ? undefined : this.#connections.get(except);
    this.#publishLocal(topic, payload, compress, local);
    if (typeof payload === "string") this.#logs.append(topic, stamp, payload);
  }

  /** @returns false if the connection is not here */
  deliverTo(id: string, payload: Payload): boolean {
    const connection = this.#connections.get(id);
    if (connection === undefined) return false;
    return connection.sendPayload(payload, false) !== "dropped";
  }

  follow(
    topic: string,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<TopicEvent | typeof gap> {
    checkTopic("sse.subscribe()", topic);
    if (!this.#logs.has(topic)) for (const remote of this.#remotes) remote.follow(topic);
    return this.#logs.follow(topic, after, signal);
  }

  placeOf(topic: string): string | undefined {
    return this.#logs.placeOf(topic);
  }

  #publishLocal(
    topic: string,
    payload: Payload,
    compress: boolean,
    except: Connection | undefined,
  ): void {
    const size = sizeOf(payload);
    this.#unseen += size;
    for (const server of this.#servers.keys()) {
      const result =
        (except?.server === server ? except.publishOthers(topic, payload, compress) : undefined) ??
        server.publish(topic, payload, compress);
      // The worst of all subscribers: below 1 for one that has something waiting, or if there is none.
      if (result <= 0) this.#closeSlow(size);
    }
  }

  /** Looked for so often that none of them can get from half of the limit to all of it in between. */
  #closeSlow(last: number): void {
    if (this.#unseen < this.settings.backpressureLimit / 4) return;
    this.#unseen = 0;
    for (const connection of this.#connections.values()) connection.closeIfSlow(last);
  }
}

function isId(given: unknown): given is string {
  return typeof given === "string" && given !== "" && given.length <= id_characters_max;
}
