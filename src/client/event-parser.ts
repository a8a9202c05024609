/** Server-sent events out of bytes (WHATWG HTML §9.2.6). */

export interface RawEvent {
  readonly event: string;
  readonly data: string;
  /** The last id so far, `""` for none. */
  readonly id: string;
}

export class EventParser {
  readonly #decoder = new TextDecoder();
  readonly #length_max: number;
  #rest = "";
  /** The last piece ended with CR: an LF at the beginning of the next one belongs to it. */
  #skipsLineFeed = false;
  #data: string[] = [];
  #length = 0;
  #event = "";
  #id: string;
  /** Milliseconds that the server wants clients to wait before they come again. */
  retry: number | undefined;

  /** @param id of the last event before. @param length_max characters of an event that is not complete yet */
  constructor(id: string, length_max: number) {
    this.#id = id;
    this.#length_max = length_max;
  }

  /** Also changes without an event: an id alone is one. */
  lastEventId: string | undefined;

  /** @throws RangeError for an event without an end */
  *push(bytes: Uint8Array): Generator<RawEvent> {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (this.#skipsLineFeed && text !== "") {
      if (text.startsWith("\n")) text = text.slice(1);
      this.#skipsLineFeed = false;
    }
    if (text.endsWith("\r")) this.#skipsLineFeed = true;
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = line === "" ? this.#dispatch() : this.#field(line);
      if (event !== undefined) yield event;
    }
    if (this.#rest.length + this.#length > this.#length_max)
      throw new RangeError(`an event has more than ${this.#length_max} characters`);
  }

  #field(line: string): undefined {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") {
      this.#data.push(value);
      this.#length += value.length + 1;
    } else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
  }

  #dispatch(): RawEvent | undefined {
    const [data, event] = [this.#data, this.#event || "message"];
    this.lastEventId = this.#id;
    this.#data = [];
    this.#length = 0;
    this.#event = "";
    return data.length === 0 ? undefined : { event, data: data.join("\n"), id: this.#id };
  }
}
