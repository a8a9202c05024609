/** A queue whose members know their neighbours: each can leave from the middle, in constant time. */

export interface Queued<Member extends Queued<Member>> {
  /** The queue that it is in. */
  queue: Queue<Member> | undefined;
  previous: Member | undefined;
  next: Member | undefined;
}

export class Queue<Member extends Queued<Member>> {
  first: Member | undefined = undefined;
  #last: Member | undefined = undefined;

  append(member: Member): void {
    member.queue = this;
    member.previous = this.#last;
    if (this.#last === undefined) this.first = member;
    else this.#last.next = member;
    this.#last = member;
  }

  remove(member: Member): void {
    const { previous, next } = member;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // A member that somebody keeps must not keep all that came after it.
    member.queue = undefined;
    member.previous = undefined;
    member.next = undefined;
  }
}
