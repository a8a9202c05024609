/** One WebSocket: what handlers hold, on top of Bun's. */
import { endRequest } from "../injection/request-values.ts";
import type { BunServer, Context } from "../request/context.ts";
import type {
  PublishOptions,
  SendResult,
  Socket,
  SubscribeOptions,
} from "../routing/socket-route.ts";
import { checkClose } from "./close.ts";
import { Inbox } from "./inbox.ts";
import type { Kind } from "./kind.ts";
import { type Decode, MessageError, type Payload, sizeOf } from "./message.ts";
import { runHandler } from "./run-handler.ts";
import { checkTopic } from "./topic.ts";

export type BunSocket = Bun.ServerWebSocket<unknown>;

/** What the handshake hands over. */
export interface Handshake {
  readonly id: string;
  readonly data: unknown;
  readonly params: Record<string, string>;
  readonly protocol: string;
  readonly server: BunServer;
  /** What dependencies per request are made for; undefined where there are none. */
  readonly context: Context | undefined;
}

export class Connection implements Socket, AsyncIterable<unknown> {
  readonly id: string;
  readonly data: unknown;
  readonly params: Record<string, string>;
  readonly protocol: string;
  /** @internal */
  readonly server: BunServer;
  readonly #kind: Kind;
  readonly #context: Context | undefined;
  /** From `open` to `close`. */
  #ws: BunSocket | undefined;
  /** Whether the application knows of it: `close` is for what was opened. */
  #isTold = false;
  #inbox: Inbox | undefined;
  /** Messages that the application was given, or told to be invalid. */
  #taken = 0;
  #drained: PromiseWithResolvers<void> | undefined;
  /** Messages whose check is asynchronous, one behind the other. */
  #checks: Promise<void> | undefined;
  /** What runs on after the end: the long-running handler, or an asynchronous `close`. */
  #rest: Promise<unknown> | undefined;

  constructor(handshake: Handshake, kind: Kind) {
    this.id = handshake.id;
    this.data = handshake.data;
    this.params = handshake.params;
    this.protocol = handshake.protocol;
    this.server = handshake.server;
    this.#context = handshake.context;
    this.#kind = kind;
  }

  get isOpen(): boolean {
    return this.#ws !== undefined;
  }

  get buffered(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  get topics(): readonly string[] {
    return this.#ws?.subscriptions ?? [];
  }

  send(message: unknown): SendResult {
    const kind = this.#kind;
    const isRaw = typeof message === "string" && kind.sendsRaw;
    return this.sendPayload(isRaw ? message : kind.encode(message), kind.compress);
  }

  /** @internal */
  sendPayload(payload: Payload, compress: boolean): SendResult {
    const ws = this.#ws;
    if (ws === undefined) return "dropped";
    const result =
      typeof payload === "string"
        ? ws.sendText(payload, compress)
        : ws.sendBinary(payload, compress);
    const outcome = result > 0 ? "sent" : this.#waits(ws, result, sizeOf(payload));
    if (outcome !== "dropped") this.#kind.hub.counts.sent++;
    return outcome;
  }

  /** Bun says 0 for what was dropped, and for what has no bytes. */
  #waits(ws: BunSocket, result: number, size: number): SendResult {
    const { slow, hub } = this.#kind;
    if (result === 0 && size === 0 && ws.getBufferedAmount() <= hub.settings.backpressureLimit)
      return "sent";
    if (slow === "close") this.closeIfSlow(size);
    return result === -1 && this.isOpen ? "queued" : "dropped";
  }

  /**
   * @internal half of the limit is left for what comes between two looks, so nothing is dropped before.
   * @param last size of the last message, which may be a large one and says nothing about the client
   */
  closeIfSlow(last: number): void {
    const { slow, hub, route, logger } = this.#kind;
    if (slow !== "close" || this.buffered - last <= hub.settings.backpressureLimit / 2) return;
    hub.counts.slow++;
    logger.warn(`${route}: a client that takes too little is closed`, { id: this.id });
    this.close(1013, "too slow");
  }

  drained(): Promise<void> {
    if (this.buffered === 0) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers()).promise;
  }

  publish(
    topic: string,
    message: unknown,
    { self = false, compress = false }: PublishOptions & { readonly self?: boolean } = {},
  ): void {
    const { hub, encode } = this.#kind;
    hub.publishPayload(topic, encode(message), compress, self ? undefined : this);
  }

  /** @internal to all others; undefined if this one is not there any more */
  publishOthers(topic: string, payload: Payload, compress: boolean): number | undefined {
    return this.#ws?.publish(topic, payload, compress);
  }

  subscribe(topic: string, { as }: SubscribeOptions = {}): void {
    checkTopic("subscribe()", topic);
    if (this.#ws === undefined) return;
    // First: it refuses what it cannot tell others.
    this.#kind.hub.presence.join(topic, this.id, as);
    this.#ws.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#ws?.unsubscribe(topic);
    this.#kind.hub.presence.leave(topic, this.id);
  }

  close(code: number = 1000, reason: string = ""): void {
    checkClose(code, reason);
    this.#ws?.close(code, reason);
  }

  terminate(): void {
    this.#ws?.terminate();
  }

  /** Messages, where the route has a handler that reads them. */
  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    if (this.#inbox === undefined)
      throw new TypeError(
        "messages are iterated in the handler of a route; here they are passed to `message`",
      );
    return this.#inbox;
  }

  /** @internal */
  opened(ws: BunSocket): void {
    this.#ws = ws;
    const { hub, open, handler, openStreams } = this.#kind;
    hub.add(this);
    if (!openStreams.add(this.end)) return this.close(1001, goingAway(0));
    this.#isTold = true;
    if (handler !== undefined) this.#inbox = new Inbox(() => this.#pace());
    const opening = open === undefined ? undefined : this.#call(() => open(this), refuseBroken);
    if (handler !== undefined) this.#rest = runHandler(handler, this, opening);
  }

  /** @internal the hot path: without schema and inbox, one look at the size and one call */
  received(raw: string | Uint8Array): void {
    const kind = this.#kind;
    kind.hub.counts.received++;
    if (raw.length * 3 > kind.maxPayload && isLarger(raw, kind.maxPayload))
      return this.close(1009, "message too large");
    if (kind.decode === undefined) this.#take(raw);
    else this.#check(kind.decode, raw);
  }

  #check(decode: Decode, raw: string | Uint8Array): void {
    let value: unknown;
    try {
      value = decode(raw);
    } catch (error) {
      if (this.#checks === undefined) return this.#refuse(error);
      value = Promise.reject(error);
    }
    if (value instanceof Promise || this.#checks !== undefined) this.#takeLater(value);
    else this.#take(value);
  }

  /** In order, and with the client waiting: frames that are here already must not overtake. */
  #takeLater(value: unknown): void {
    const settled = Promise.resolve(value).then(
      (message) => () => this.#take(message),
      (error: unknown) => () => this.#refuse(error),
    );
    const checks = (this.#checks ?? Promise.resolve()).then(async () => {
      (await settled)();
      if (this.#checks === checks) this.#checks = undefined;
      this.#pace();
    });
    this.#checks = checks;
    this.#pace();
  }

  #take(message: unknown): void {
    if (this.#ws === undefined) return;
    this.#taken++;
    if (this.#inbox !== undefined) return this.#inbox.push(message);
    const { message: handler } = this.#kind;
    if (handler === undefined) return;
    try {
      const result = handler(this, message);
      if (result instanceof Promise) result.catch(this.#onError);
    } catch (error) {
      this.fail(error);
    }
  }

  #refuse(error: unknown): void {
    this.#taken++;
    this.fail(error);
    if (this.#kind.invalid === "close" && error instanceof MessageError)
      this.close(error.code, error.message);
  }

  /** @internal tells the log, unless the client is at fault, and the application */
  fail(error: unknown): void {
    const { logger, route, error: handler } = this.#kind;
    if (error instanceof MessageError) logger.debug(`${route}: ${error.message}`, { id: this.id });
    else logger.error(`${route} failed`, error);
    if (handler === undefined) return;
    const failed = (second: unknown) => logger.error(`${route}: its error handler failed`, second);
    try {
      const result = handler(this, error);
      if (result instanceof Promise) result.catch(failed);
    } catch (second) {
      failed(second);
    }
  }

  readonly #onError = (error: unknown): void => this.fail(error);

  /** @internal */
  drain(): void {
    if (this.buffered > 0) return;
    this.#drained?.resolve();
    this.#drained = undefined;
    const { drain } = this.#kind;
    if (drain !== undefined) void this.#call(() => drain(this));
  }

  /** @internal */
  closed(code: number, reason: string): void {
    const { hub, close, openStreams } = this.#kind;
    this.#ws = undefined;
    hub.remove(this);
    openStreams.remove(this.end);
    this.#inbox?.end();
    this.#drained?.resolve();
    if (close !== undefined && this.#isTold)
      this.#rest = Promise.all([this.#rest, this.#call(() => close(this, code, reason))]);
    const context = this.#context;
    if (context !== undefined)
      this.#rest = Promise.resolve(this.#rest).then(() => endRequest(context));
  }

  /** @internal the handshake, where what was made for it lives as long as the socket */
  static contextOf(connection: Connection): Context {
    return connection.#context!;
  }

  /** @internal the server drains */
  readonly end = async (): Promise<void> => {
    this.close(1001, goingAway(this.#taken));
    await this.#rest;
  };

  /** Runs a function of the application; what it throws reaches `error` and then `after`. */
  #call(run: () => unknown, after?: (connection: Connection) => void): Promise<void> | undefined {
    const failed = (error: unknown) => {
      this.fail(error);
      after?.(this);
    };
    try {
      const result = run();
      return result instanceof Promise ? result.then(() => {}, failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  /** The client is read while there is room for its messages. */
  #pace(): void {
    const ws = this.#ws;
    if (ws === undefined) return;
    const mustWait = this.#checks !== undefined || this.#inbox?.isFull === true;
    if (mustWait && !ws.isPaused) ws.pause();
    if (!mustWait && ws.isPaused) ws.resume();
  }
}

/**
 * What a client sends before it sees the close is not read any more. With the number it knows which messages those are;
 * `robyn/client` sends them again.
 */
function goingAway(taken: number): string {
  return `the server is going away, received ${taken}`;
}

/** A connection whose `open` failed is not what its messages rely on. */
function refuseBroken(connection: Connection): void {
  connection.close(1011, "internal error");
}

/** A string has up to three bytes per UTF-16 unit. */
function isLarger(raw: string | Uint8Array, max: number): boolean {
  if (raw.length > max || typeof raw !== "string") return raw.length > max;
  return Buffer.byteLength(raw) > max;
}
