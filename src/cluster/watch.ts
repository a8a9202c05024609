/** Finds workers whose event loop has stopped turning: each listener sends a beat every second. */
import type { Member } from "./member.ts";

/** With a beat each second, three are missing: 5 s until the kill, another second until the successor serves. */
const silence_ms_max = 4_500;
/** Until a worker listens nobody hears of it: it may compile, or wait for a database. */
const start_ms_max = 60_000;
const check_ms = 250;
/** A primary that was held up itself (a laptop that slept, SIGSTOP) has not heard anybody. */
const own_delay_ms_max = 1_000;

export class Watch {
  readonly #onHung: (member: Member, silence_ms: number) => void;
  readonly #startedAt = new WeakMap<Member, number>();
  #timer: Timer | undefined;
  #checkedAt = 0;

  constructor(onHung: (member: Member, silence_ms: number) => void) {
    this.#onHung = onHung;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  begin(members: () => Iterable<Member>): void {
    this.#checkedAt = performance.now();
    this.#timer = setInterval(() => this.#check(members()), check_ms);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(members: Iterable<Member>): void {
    const now = performance.now();
    const wasHeldUp = now - this.#checkedAt > check_ms + own_delay_ms_max;
    this.#checkedAt = now;
    for (const member of members) {
      if (wasHeldUp) {
        member.excuse(now);
        this.#startedAt.set(member, now);
        continue;
      }
      const heardAt = member.heardAt ?? this.#startOf(member, now);
      const silence_ms = now - heardAt;
      // One that drains has a deadline of its own.
      if (
        member.isLeaving ||
        member.isKilled ||
        silence_ms < (member.isReady ? silence_ms_max : start_ms_max)
      )
        continue;
      this.#onHung(member, silence_ms);
    }
  }

  #startOf(member: Member, now: number): number {
    const known = this.#startedAt.get(member) ?? now;
    this.#startedAt.set(member, known);
    return known;
  }
}
