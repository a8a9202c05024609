/** Messages that wait for a connection: bounded by their number and their bytes. */

export type Payload = string | Uint8Array<ArrayBuffer>;

export interface QueueLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly full: "drop-oldest" | "reject";
}

export interface Waiting<Message> {
  /** As it was given. */
  readonly message: Message;
  readonly payload: Payload;
}

export class Queue<Message> {
  readonly #limits: QueueLimits;
  readonly #onDrop: (message: Message) => void;
  #waiting: (Waiting<Message> & { readonly size: number })[] = [];
  /** Those before are gone; `shift` would move all others each time. */
  #start = 0;
  #bytes = 0;

  /** @param onDrop is told of each message that gives way to a younger one */
  constructor(limits: QueueLimits, onDrop: (message: Message) => void) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get length(): number {
    return this.#waiting.length - this.#start;
  }

  /** @returns false if there is no room for it, which nothing else then gives way for */
  push(message: Message, payload: Payload): boolean {
    const size = sizeOf(payload);
    const { messages, bytes, full } = this.#limits;
    if (size > bytes) return false;
    while (this.length >= messages || this.#bytes + size > bytes) {
      if (full === "reject") return false;
      const dropped = this.shift();
      if (dropped !== undefined) this.#onDrop(dropped.message);
    }
    this.#waiting.push({ message, payload, size });
    this.#bytes += size;
    return true;
  }

  /** Puts messages before all others. They were in the queue, so they are within its limits. */
  putBack(entries: readonly Waiting<Message>[]): void {
    const sized = entries.map((entry) => ({ ...entry, size: sizeOf(entry.payload) }));
    this.#waiting = [...sized, ...this.#waiting.slice(this.#start)];
    this.#start = 0;
    for (const { size } of sized) this.#bytes += size;
  }

  shift(): Waiting<Message> | undefined {
    const first = this.#waiting[this.#start];
    if (first === undefined) return undefined;
    this.#bytes -= first.size;
    this.#start++;
    if (this.#start * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#start);
      this.#start = 0;
    }
    return first;
  }

  /** Nothing of it will be sent any more. */
  abandon(): void {
    for (let dropped = this.shift(); dropped !== undefined; dropped = this.shift())
      this.#onDrop(dropped.message);
  }
}

const encoder = new TextEncoder();

export function sizeOf(payload: Payload): number {
  return typeof payload === "string" ? encoder.encode(payload).length : payload.length;
}
