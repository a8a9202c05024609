/**
 * The primary of a cluster. It serves nothing: it chooses the port, starts the workers, replaces those that die, hang or
 * have had enough, renews all of them on a reload, and ends when all of them have ended.
 *
 * Every worker has a place, the index of its process. Whoever holds the place serves; beside it there may be one that is
 * starting to take over, and some that are draining.
 */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Settings } from "../server/settings.ts";
import { Leases } from "./leases.ts";
import { Member, type MemberEvents, type Ready } from "./member.ts";
import { Ports } from "./ports.ts";
import type { ToPrimary } from "./protocol.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { Slots } from "./slots.ts";
import { Watch } from "./watch.ts";

export interface PrimaryOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** What the listeners share; undefined where it cannot be had, and each of them has its own. */
  readonly segment?: SegmentOwner | undefined;
  /** Private directory for the sockets between listeners. */
  readonly sockets: string;
}

/** Shared memory, as its owner sees it. */
export interface SegmentOwner {
  /** Inherited by every worker. */
  readonly descriptor: number;
  /** Before the listener of the slot starts. */
  claimSlot(slot: number): void;
  /** After its process has ended: what it held in the shared memory is free then. */
  releaseSlot(slot: number): void;
}

export class Primary {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #segment: SegmentOwner | undefined;
  readonly #sockets: string;
  readonly #name = crypto.randomUUID();
  readonly #slots: Slots;
  readonly #ports: Ports;
  readonly #policy = new RestartPolicy();
  readonly #leases = new Leases((slot, name) =>
    this.#memberOf(slot)?.send({ robyn: "granted", slot, name }),
  );
  readonly #watch = new Watch((member, silence_ms) => this.#onHung(member, silence_ms));
  /** All that live. */
  readonly #members = new Set<Member>();
  /** Who serves, by place. */
  readonly #places: (Member | undefined)[];
  /** Places whose next worker waits for slots. */
  readonly #starved = new Set<number>();
  readonly #events: MemberEvents = {
    onMessage: (member, message) => this.#onMessage(member, message),
    onEnded: (member) => this.#onEnded(member),
  };
  /** Reloads and recycling, one after the other: each of them has one worker more than usual. */
  #rolling: Promise<unknown> = Promise.resolve();
  #generation = 0;
  #stopped: Promise<boolean> | undefined;

  constructor({ settings, logger, segment, sockets }: PrimaryOptions) {
    this.#settings = settings;
    this.#logger = logger;
    this.#segment = segment;
    this.#sockets = sockets;
    this.#slots = new Slots(settings.processes * settings.workers);
    this.#ports = new Ports(settings);
    this.#places = new Array<undefined>(settings.processes).fill(undefined);
  }

  /** Requests in flight in all workers, about a second ago. */
  get pending(): number {
    return this.#members.values().reduce((sum, member) => sum + member.pending, 0);
  }

  /** Process ids of the workers that hold a place. */
  get workers(): number[] {
    return this.#places.flatMap((member) => (member === undefined ? [] : [member.pid]));
  }

  /**
   * Starts one worker, and the others once it listens: what is wrong with the application or the port is told once.
   *
   * @throws RobynError ROBYN_WORKER_FAILED if it does not start; nothing runs then.
   */
  async start(): Promise<Ready> {
    const first = this.#spawn(0);
    this.#places[0] = first;
    const failure = await first?.started;
    if (first?.ready === undefined || failure !== undefined) {
      throw new RobynError(
        "ROBYN_WORKER_FAILED",
        `No worker could start: ${failure ?? "there is none"}.`,
        "A worker runs the same command as this process; see what it printed above.",
      );
    }
    this.#watch.begin(() => this.#members);
    for (let place = 1; place < this.#places.length; place++) this.#fill(place);
    await Promise.all(this.#places.map((member) => member?.started));
    return first.ready;
  }

  /**
   * Replaces every worker by one that loads the application anew, one after the other: start, wait until it serves,
   * drain the old one.
   *
   * @returns undefined, or why it stopped. A version that does not start leaves the old one serving.
   */
  reload(): Promise<string | undefined> {
    return this.#inTurn(async () => {
      const generation = ++this.#generation;
      this.#logger.info(`reload ${generation}: replacing ${this.#places.length} processes`);
      for (let place = 0; place < this.#places.length; place++) {
        const failure = await this.#replace(place);
        if (failure === undefined) continue;
        const message = `the new version does not start, ${place === 0 ? "the old one goes on serving" : `${this.#places.length - place} processes keep the old one`}: ${failure}`;
        this.#logger.error(`reload ${generation}: ${message}`);
        return message;
      }
      this.#logger.info(`reload ${generation}: done`);
      return undefined;
    });
  }

  /** Drains every worker. @returns false if one of them did not end cleanly. */
  stop(): Promise<boolean> {
    return (this.#stopped ??= this.#stop());
  }

  /** Kills every worker. */
  force(): void {
    for (const member of this.#members) member.kill();
  }

  async #stop(): Promise<boolean> {
    const members = [...this.#members];
    await Promise.all(members.map((member) => this.#drain(member)));
    this.#watch.end();
    const unclean = members.filter(({ ready, exitCode }) => ready !== undefined && exitCode !== 0);
    for (const { pid, end } of unclean) this.#logger.warn(`worker ${pid} ${end} when it drained`);
    return unclean.length === 0;
  }

  /** Whether somebody called `stop()`. */
  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** Undefined where all slots are taken by processes that have not ended yet. */
  #spawn(place: number): Member | undefined {
    const { processes, workers } = this.#settings;
    const slots = this.#slots.take(workers);
    if (slots === undefined) return undefined;
    const seat = {
      index: place * workers,
      slot: slots[0]!,
      slots,
      generation: this.#generation,
      processes,
      workers,
      thread: 0,
      primary: process.pid,
      sockets: this.#sockets,
      cluster: this.#name,
    };
    for (const slot of slots) this.#segment?.claimSlot(slot);
    const member = new Member(place, seat, this.#segment?.descriptor, this.#events);
    this.#members.add(member);
    return member;
  }

  /** Puts a new worker on a place that nobody holds. */
  #fill(place: number): void {
    if (this.isStopping || this.#places[place] !== undefined) return;
    const member = this.#spawn(place);
    this.#places[place] = member;
    if (member === undefined) this.#starved.add(place);
    else this.#starved.delete(place);
  }

  /** @returns why the successor did not start; who held the place then still does. */
  async #replace(place: number): Promise<string | undefined> {
    if (this.isStopping) return "the cluster is stopping";
    const next = this.#spawn(place);
    if (next === undefined) return "too many old workers have not ended yet";
    const failure = await next.started;
    if (failure !== undefined) return failure;
    const previous = this.#places[place];
    this.#places[place] = next;
    if (previous !== undefined) await this.#drain(previous);
    return undefined;
  }

  async #drain(member: Member): Promise<void> {
    for (const slot of member.seat.slots) this.#leases.retire(slot);
    await member.drain();
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#rolling.then(work);
    this.#rolling = done.catch(() => {});
    return done;
  }

  #onMessage(member: Member, message: ToPrimary): void {
    const { slot } = message;
    switch (message.robyn) {
      case "listen":
        return void this.#answerListen(member, message);
      case "leaving":
        return this.#onLeaving(member);
      case "recycle":
        return this.#onRecycle(member, message.reason);
      case "claim":
        return this.#leases.claim(message.name, { slot, generation: member.seat.generation });
      case "release":
        return this.#leases.release(message.name, slot);
    }
  }

  async #answerListen(
    member: Member,
    { slot, host, port, app }: Extract<ToPrimary, { robyn: "listen" }>,
  ): Promise<void> {
    try {
      const chosen = await this.#ports.choose({ host, port, app });
      member.send({ robyn: "bound", slot, app, port: chosen });
    } catch (error) {
      const { code, fix, message } =
        error instanceof RobynError
          ? error
          : { code: "ROBYN_LISTEN_FAILED", fix: "", message: String(error) };
      const sentence = message.replace(` ${fix} [${code}]`, "");
      member.send({ robyn: "refused", slot, app, code, message: sentence, fix });
    }
  }

  /** Its successor starts while it drains. */
  #onLeaving(member: Member): void {
    for (const slot of member.seat.slots) this.#leases.retire(slot);
    if (!member.isLeaving) void member.endsInTime();
    if (this.#places[member.process] !== member || this.isStopping) return;
    this.#logger.info(`worker ${member.pid} drains, another takes its place`);
    this.#places[member.process] = undefined;
    this.#fill(member.process);
  }

  #onRecycle(member: Member, reason: string): void {
    void this.#inTurn(async () => {
      if (this.#places[member.process] !== member || this.isStopping) return;
      this.#logger.info(`worker ${member.pid} is replaced: ${reason}`);
      const failure = await this.#replace(member.process);
      if (failure !== undefined)
        this.#logger.error(`worker ${member.pid} stays, its successor does not start: ${failure}`);
    });
  }

  #onHung(member: Member, silence_ms: number): void {
    const what = member.isReady ? "did not answer" : "did not start";
    this.#logger.error(
      `worker ${member.pid} ${what} for ${Math.round(silence_ms / 100) / 10} s and is killed`,
    );
    member.kill();
  }

  #onEnded(member: Member): void {
    this.#members.delete(member);
    for (const slot of member.seat.slots) this.#segment?.releaseSlot(slot);
    this.#slots.give(member.seat.slots);
    for (const slot of member.seat.slots) this.#leases.forget(slot);
    const heldPlace = this.#places[member.process] === member;
    if (heldPlace) this.#places[member.process] = undefined;
    if (this.isStopping) return;
    if (heldPlace && !member.isLeaving && this.#watch.isOn) {
      const delay_ms = this.#policy.afterDeath(performance.now());
      const later = delay_ms === 0 ? "" : `, the next starts in ${delay_ms} ms`;
      this.#logger.error(`worker ${member.pid} ${member.end}${later}`);
      setTimeout(() => this.#fill(member.process), delay_ms);
    } else if (heldPlace && this.#watch.isOn) {
      this.#fill(member.process);
    }
    for (const place of this.#starved) this.#fill(place);
  }

  #memberOf(slot: number): Member | undefined {
    return this.#members.values().find(({ seat }) => seat.slots.includes(slot));
  }
}
