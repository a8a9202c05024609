/** Options of the client, checked: an unknown one is refused by name. Times are seconds, as everywhere. */
import type { OrComputed, PlainQuery, Raw, Scalar } from "./types.ts";

/** How a connection comes back: after a random part of a time that doubles (full jitter). */
export interface ReconnectOptions {
  /** Seconds that the first wait takes at most. Default 0.5. */
  readonly first?: number;
  /** Seconds that any wait takes at most. Default 30. */
  readonly most?: number;
  /** Failures in a row after which it is given up. Default: never. */
  readonly attempts?: number;
  /** Whether a close of the server is final, beside those that always are, for instance `(code) => code >= 4000`. */
  readonly stopOn?: (code: number, reason: string) => boolean;
}

export interface QueueOptions {
  /** Messages that wait for a connection at most. Default 1,000. */
  readonly messages?: number;
  /** Bytes of them at most. Default 1,048,576. */
  readonly bytes?: number;
  /** What gives way when it is full: the oldest, or the new one. Default `drop-oldest`. */
  readonly full?: "drop-oldest" | "reject";
}

export interface HeartbeatOptions<Sent = unknown> {
  /** Seconds without a message after which the server is asked. Default 30. */
  readonly interval?: number;
  /** Seconds that it may take to say anything; then the connection is taken for dead. Default 10. */
  readonly timeout?: number;
  /** What it is asked with. Without it by a ping, which pages cannot send: there it is needed. */
  readonly message?: Sent;
}

export interface ConnectOptions<Sent = unknown> {
  /** Subprotocols that are offered. */
  readonly protocols?: readonly string[];
  readonly reconnect?: ReconnectOptions | false;
  readonly queue?: QueueOptions;
  /** Default: by pings where the platform has them, otherwise none. */
  readonly heartbeat?: HeartbeatOptions<Sent> | false;
  /**
   * Messages that begin every connection, before those that wait: what the server has forgotten of the last one, such as
   * subscriptions. `again` is false the first time.
   */
  readonly resume?: (again: boolean) => Iterable<Sent>;
  /** Seconds that a handshake may take. Default 10. */
  readonly timeout?: number;
  /** Messages that may wait for a reader before it fails. Default 10,000. */
  readonly inbox?: number;
  /** Makes the connection, for instance with headers in Bun: `(url, protocols) => new WebSocket(url, { headers, protocols })`. */
  readonly open?: (url: string, protocols: string[]) => WebSocket;
}

/** What `connect()` may be given, whatever the route. */
export interface AnyConnectOptions extends ConnectOptions {
  readonly params?: Readonly<Record<string, Scalar>>;
  readonly query?: OrComputed<PlainQuery>;
  readonly raw?: Raw;
}

const names: Readonly<Record<keyof AnyConnectOptions, true>> = {
  params: true,
  query: true,
  raw: true,
  protocols: true,
  reconnect: true,
  queue: true,
  heartbeat: true,
  resume: true,
  timeout: true,
  inbox: true,
  open: true,
};
const reconnectNames: Readonly<Record<keyof ReconnectOptions, true>> = {
  first: true,
  most: true,
  attempts: true,
  stopOn: true,
};

/** Backs off between attempts. */
export type Reconnect = Required<ReconnectOptions>;

/** @throws TypeError, RangeError */
export function checkConnectOptions(options: AnyConnectOptions): void {
  checkNames("connect()", options, names);
  const { queue = {}, heartbeat = {}, raw = false, timeout = 10, inbox = 1 } = options;
  checkNames("queue", queue, { messages: true, bytes: true, full: true });
  if (heartbeat !== false)
    checkNames("heartbeat", heartbeat, { interval: true, timeout: true, message: true });
  const { full = "reject" } = queue;
  if (full !== "reject" && full !== "drop-oldest")
    throw new TypeError(`queue.full is ${String(full)}; it takes "drop-oldest" or "reject"`);
  if (typeof raw !== "boolean" && raw !== "sent" && raw !== "received")
    throw new TypeError(`raw is ${String(raw)}; it takes true, false, "sent" or "received"`);
  checkSeconds("timeout", timeout);
  if (heartbeat !== false) {
    checkSeconds("heartbeat.interval", heartbeat.interval ?? 1);
    checkSeconds("heartbeat.timeout", heartbeat.timeout ?? 1);
  }
  checkCount("inbox", inbox);
  checkCount("queue.messages", queue.messages ?? 1);
  checkCount("queue.bytes", queue.bytes ?? 1);
}

/** @throws TypeError, RangeError */
export function reconnectOf(options: ReconnectOptions | false | undefined): Reconnect {
  const given = options === false ? { attempts: 0 } : (options ?? {});
  checkNames("reconnect", given, reconnectNames);
  const { first = 0.5, most = 30, attempts = Infinity, stopOn = () => false } = given;
  checkSeconds("reconnect.first", first);
  checkSeconds("reconnect.most", most);
  if (attempts !== Infinity && attempts !== 0) checkCount("reconnect.attempts", attempts);
  return { first, most, attempts, stopOn };
}

/** @throws TypeError */
export function checkNames(
  what: string,
  given: object,
  known: Readonly<Record<string, true>>,
): void {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(known, name))
      throw new TypeError(
        `${what} has no option "${name}"; it takes ${Object.keys(known).join(", ")}`,
      );
  }
}

/** Timers of browsers hold 31 bits of milliseconds; what is longer fires at once. */
const seconds_max = 2_147_483;

/** @throws RangeError */
export function checkSeconds(name: string, seconds: number): void {
  if (typeof seconds === "number" && seconds > 0 && seconds <= seconds_max) return;
  throw new RangeError(`${name} is ${seconds}; it takes seconds above 0, at most ${seconds_max}`);
}

function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new RangeError(`${name} is ${count}; it takes a whole number above 0`);
}
