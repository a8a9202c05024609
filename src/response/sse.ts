/** Server-sent events (WHATWG HTML §9.2). */
import type { Audience } from "./audience.ts";
import { responseOf, type StreamForm, StreamedValue } from "./stream.ts";
import { checkStream } from "./stream-check.ts";
import { gap, type TopicEvent, type Topics } from "./topics.ts";

/** One event; a plain string is `{ data: string }`. */
export interface ServerSentEvent {
  /** A string is sent as it is, line by line; anything else as JSON. */
  readonly data: unknown;
  /** Name that listeners ask for. Default: `message`. */
  readonly event?: string;
  /** What the client sends back as `Last-Event-ID` when it comes again. */
  readonly id?: string;
  /** Milliseconds that the client waits before it comes again, from now on. */
  readonly retry?: number;
}

/** What the source of a stream is told. */
export interface EventStreamRequest {
  /** Id of the last event that this client has seen, undefined on its first visit. It is the client's word: validate it. */
  readonly lastEventId: string | undefined;
  /** Aborts when the stream is over: the client left, or the server drains. */
  readonly signal: AbortSignal;
  /** @internal */
  readonly topics?: Topics;
}

export type EventSourceOf<Event extends string | ServerSentEvent> =
  AsyncIterable<Event> | ((request: EventStreamRequest) => AsyncIterable<Event>);

export interface EventStreamOptions {
  /**
   * Seconds of silence after which a comment is sent, so that no proxy takes the connection for dead; false for
   * never. Default 8, below the 10 s after which Bun and many proxies cut.
   */
  heartbeat?: number | false;
}

/**
 * Answers with a stream of events. The idle timeout does not apply to it; a client that leaves ends it (the
 * `finally` of a generator runs), and so does a server that drains.
 *
 * @param source a generator function, or any async iterable, of strings and events.
 * @throws RangeError for a heartbeat that is not a positive number.
 * @example
 * app.get("/ticks", () => sse(async function* ({ lastEventId, signal }) {
 *   for (let tick = Number(lastEventId ?? 0) + 1; !signal.aborted; tick++) {
 *     yield { id: String(tick), data: { tick } };
 *     await Bun.sleep(1_000);
 *   }
 * }));
 */
export function sse(
  source: EventSourceOf<string | ServerSentEvent>,
  options: EventStreamOptions = {},
): EventStream {
  return new EventStream(source, options);
}

export interface TopicStreamOptions extends EventStreamOptions {
  /** Name of the events. Default: `message`. */
  event?: string;
  /**
   * Sent where messages between `Last-Event-ID` and the oldest that is kept are lost, or may be.
   * Default: an event `gap`.
   */
  gap?: ServerSentEvent;
}

/**
 * Answers with the text messages of a topic: what `app.publish` and `socket.publish` send. A client that comes back
 * gets what it missed, as far as it is still kept (`topics` of the app).
 *
 * @example app.get("/news", () => sse.subscribe("news"));
 */
sse.subscribe = function subscribe(
  topic: string,
  { event, gap: lost = { event: "gap", data: null }, ...options }: TopicStreamOptions = {},
): EventStream {
  if (typeof topic !== "string")
    throw new TypeError(`sse.subscribe() was given ${Bun.inspect(topic)}; it takes a topic`);
  return new EventStream(({ topics, lastEventId, signal }) => {
    if (topics === undefined) throw new TypeError("a topic is followed where it is answered only");
    // Followed from here on, not from when the client first reads: what is published in between belongs to it.
    const messages = topics.follow(topic, lastEventId, signal);
    const place = lastEventId === undefined ? topics.placeOf(topic) : undefined;
    return toEvents(messages, place, event, lost);
  }, options);
};

/** An id without an event: who leaves before the first message comes back after it. */
class Place {
  readonly data = undefined;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

async function* toEvents(
  messages: AsyncIterable<TopicEvent | typeof gap>,
  place: string | undefined,
  event: string | undefined,
  lost: ServerSentEvent,
): AsyncGenerator<ServerSentEvent> {
  if (place !== undefined) yield new Place(place);
  for await (const message of messages) yield message === gap ? lost : { ...message, event };
}

/** What `sse()` returns; becomes a `Response` where it is answered. */
export class EventStream extends StreamedValue {
  readonly #source: EventSourceOf<string | ServerSentEvent>;
  readonly #heartbeat: number | false;

  constructor(source: EventSourceOf<string | ServerSentEvent>, options: EventStreamOptions) {
    super();
    const { heartbeat = 8 } = options;
    checkStream("sse", source, options, ["heartbeat"]);
    if (heartbeat !== false && !isInterval(heartbeat))
      throw new RangeError(
        `sse() was given the heartbeat ${heartbeat}; it takes seconds, above 0 and up to ${heartbeat_seconds_max}, or false`,
      );
    this.#source = source;
    this.#heartbeat = heartbeat;
  }

  override toResponse(status: number, audience: Audience | undefined): Response {
    if (audience === undefined)
      throw new TypeError("an event stream has no end, so its route cannot be const");
    const over = new AbortController();
    const { topics } = audience;
    const lastEventId = lastEventIdOf(audience.request);
    const form: StreamForm = {
      ...eventForm,
      heartbeat:
        this.#heartbeat === false ? undefined : { seconds: this.#heartbeat, bytes: comment },
      onOver: () => over.abort(),
    };
    return responseOf(
      this.#iterate({ lastEventId, signal: over.signal, topics }),
      form,
      status,
      audience,
    );
  }

  override [Symbol.asyncIterator](): AsyncIterator<string | ServerSentEvent> {
    return this.#iterate({ lastEventId: undefined, signal: new AbortController().signal });
  }

  #iterate(request: EventStreamRequest): AsyncIterator<string | ServerSentEvent> {
    const source = typeof this.#source === "function" ? this.#source(request) : this.#source;
    return source[Symbol.asyncIterator]();
  }
}

/**
 * An event as it is sent.
 *
 * @throws TypeError if `event` or `id` has a line break (what follows would be a field of the client's choosing) or
 * `id` a NUL (clients ignore such an id), if `retry` is no whole number, or if the data has no JSON form.
 */
export function formatEvent(value: unknown): string {
  if (typeof value === "string") return `${dataLines(value)}\n`;
  if (typeof value !== "object" || value === null || !("data" in value))
    throw new TypeError(
      `an event stream yielded ${Bun.inspect(value)}; it takes strings and { data }`,
    );
  if (value instanceof Place) return `id: ${value.id}\n\n`;
  const { event, id, retry, data } = value as ServerSentEvent;
  let text = "";
  if (event !== undefined) text += `event: ${oneLine("event", event)}\n`;
  if (id !== undefined) text += `id: ${oneLine("id", id)}\n`;
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0)
      throw new TypeError(`an event has the retry ${retry}; it is a whole number of milliseconds`);
    text += `retry: ${retry}\n`;
  }
  const body = typeof data === "string" ? data : JSON.stringify(data);
  if (body === undefined)
    throw new TypeError(`an event has ${typeof data} as data, which has no JSON form`);
  return `${text}${dataLines(body)}\n`;
}

/** Longer, and it would be no heartbeat to anybody on the way. */
const heartbeat_seconds_max = 3_600;

function isInterval(seconds: unknown): boolean {
  return typeof seconds === "number" && seconds > 0 && seconds <= heartbeat_seconds_max;
}

const encoder = new TextEncoder();
/** A line that begins with a colon is ignored by clients. */
const comment = encoder.encode(":\n\n");

const eventForm: StreamForm = {
  type: "text/event-stream",
  // The second is for nginx, which otherwise collects what it forwards.
  headers: { "cache-control": "no-cache", "x-accel-buffering": "no" },
  encode: (value) => encoder.encode(formatEvent(value)),
  opening: comment,
  idleTimeout: 0,
  endsOnDrain: true,
};

/** Clients end a line at CRLF, LF and CR alike, so each of them must begin a new `data` field. */
function dataLines(text: string): string {
  return `data: ${text.replace(/\r\n|\r|\n/g, "\ndata: ")}\n`;
}

function oneLine(field: string, text: unknown): string {
  if (typeof text === "string" && !/[\r\n\0]/.test(text)) return text;
  throw new TypeError(
    `an event has the ${field} ${JSON.stringify(text)}; it is a string without line breaks and NUL`,
  );
}

/** Clients send the id as UTF-8, `Headers` reads bytes as Latin-1. */
function lastEventIdOf(request: Request): string | undefined {
  const sent = request.headers.get("last-event-id");
  return sent === null || sent === "" ? undefined : Buffer.from(sent, "latin1").toString();
}
