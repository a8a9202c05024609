/** Who iterates over the messages of a socket, and what comes before anybody does. */
import { Inbox } from "./inbox.ts";

export class Readers<Message> {
  readonly #limit: number;
  readonly #inboxes = new Set<Inbox<Message>>();
  /** What was received before the first reader or listener came. */
  #early: Inbox<Message> | undefined;
  #hasEnded = false;

  constructor(limit: number) {
    this.#limit = limit;
    this.#early = this.#newInbox();
  }

  push(message: Message): void {
    this.#early?.push(message);
    for (const inbox of this.#inboxes) inbox.push(message);
  }

  /** From the first message on, if nobody was here before; else from now on. */
  read(): AsyncIterableIterator<Message> {
    const inbox = this.#early ?? this.#newInbox();
    this.#early = undefined;
    if (this.#hasEnded) inbox.end();
    else this.#inboxes.add(inbox);
    return inbox;
  }

  /** The early messages, for who does not iterate. */
  takeEarly(): { messages: Message[]; failure: Error | undefined } {
    const early = this.#early;
    this.#early = undefined;
    return early?.handOver() ?? { messages: [], failure: undefined };
  }

  end(): void {
    this.#hasEnded = true;
    for (const inbox of this.#inboxes) inbox.end();
    this.#inboxes.clear();
  }

  #newInbox(): Inbox<Message> {
    return new Inbox(this.#limit, (inbox) => this.#inboxes.delete(inbox));
  }
}
