/**
 * A listener of a cluster: the main thread of a worker process, or one of its threads. It asks the primary for the port,
 * says when it serves, beats, and drains when it is told to or when its primary is gone.
 */
import { rmSync } from "node:fs";
import { RobynError, type ErrorCode, errorCodes } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Bond } from "../native/process.ts";
import type { Managed } from "../server/lifecycle.ts";
import { currentSeat, type Seat } from "../server/seat.ts";
import type { Settings } from "../server/settings.ts";
import { handleSignals } from "../server/signals.ts";
import type { Arbiter } from "../server/tasks.ts";
import { type Channel, primaryChannel, threadChannel } from "./channel.ts";
import type { ToListener } from "./protocol.ts";
import { Exchange } from "./exchange.ts";
import { Threads } from "./threads.ts";

/** One server of this listener; most applications have one. */
export interface Serving {
  readonly managed: Managed;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly routes: number;
  readonly core: string;
  /** Requests that its dispatcher has seen. */
  readonly requests: () => number;
}

const beat_ms = 1_000;
/** A worker that is to be replaced and is still here asks again: its successor may have failed to start. */
const recycle_every_ms = 10_000;

let joined: ClusterWorker | undefined;

/**
 * Binds this thread to its primary, once; undefined where there is none.
 *
 * @param dieWithParent given, not imported: a bundler cannot load this file lazily if it leads to the library, which is
 * found with a top-level await.
 */
export function joinCluster(dieWithParent: (parent: number) => Bond): ClusterWorker | undefined {
  const seat = currentSeat();
  if (seat === undefined) return undefined;
  return (joined ??= new ClusterWorker(seat, dieWithParent));
}

export class ClusterWorker {
  readonly seat: Seat;
  readonly #channel: Channel;
  readonly #threads: Threads | undefined;
  readonly #servings: Serving[] = [];
  readonly #ports = new Map<number, PromiseWithResolvers<number>>();
  readonly #granted = new Map<string, () => void>();
  #drained: Promise<boolean> | undefined;
  #askedAt = -Infinity;

  constructor(seat: Seat, dieWithParent: (parent: number) => Bond) {
    this.seat = seat;
    if (seat.thread > 0) {
      this.#channel = threadChannel((message) => this.#receive(message));
      return;
    }
    if (dieWithParent(seat.primary) === "orphaned") process.exit(1);
    this.#threads = new Threads(seat);
    this.#channel = primaryChannel(
      (message) => this.#receive(message),
      this.#threads,
      () => {
        rmSync(seat.sockets, { recursive: true, force: true });
        process.exit(1);
      },
    );
    handleSignals(
      {
        onStop: () => {
          this.#channel.send({ robyn: "leaving", slot: seat.slot });
          return this.#drain();
        },
        onForce: () => {},
      },
      "worker",
    );
  }

  /**
   * The port to share.
   *
   * @throws RobynError ROBYN_PORT_IN_USE and whatever else stands against it, as the primary found it
   */
  listen({ host, port }: Settings): Promise<number> {
    const app = this.#ports.size;
    const answer = Promise.withResolvers<number>();
    this.#ports.set(app, answer);
    this.#channel.send({ robyn: "listen", slot: this.seat.slot, host, port, app });
    return answer.promise;
  }

  /** Joins this listener with the others; resolves when it hears and is heard. */
  async openExchange(logger: Logger, onFollowed: () => void): Promise<Exchange> {
    const { sockets: directory, slot } = this.seat;
    const exchange = new Exchange({ directory, slot }, logger, onFollowed);
    await exchange.open();
    return exchange;
  }

  /** Says why nothing will be served; the process ends by itself. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#channel.send({ robyn: "failed", slot: this.seat.slot, message });
  }

  serves(serving: Serving): void {
    this.#servings.push(serving);
    if (this.#servings.length > 1) return;
    const { managed, settings, routes, core } = serving;
    const { port, hostname, url } = managed.running;
    this.#threads?.start();
    this.#channel.send({
      robyn: "ready",
      slot: this.seat.slot,
      host: hostname,
      port,
      url: url.href,
      routes,
      core,
      shutdownTimeout: settings.shutdownTimeout,
    });
    setInterval(() => this.#beat(), beat_ms).unref();
  }

  readonly arbiter: Arbiter = {
    claim: (name, onGranted) => {
      this.#granted.set(name, onGranted);
      this.#channel.send({ robyn: "claim", slot: this.seat.slot, name });
    },
    release: (name) => this.#channel.send({ robyn: "release", slot: this.seat.slot, name }),
  };

  #beat(): void {
    const { slot } = this.seat;
    const pending = this.#servings.reduce((sum, { managed }) => sum + managed.running.pending, 0);
    this.#channel.send({ robyn: "beat", slot, pending });
    const reason = this.#drained === undefined ? this.#reasonToLeave() : undefined;
    if (reason === undefined || performance.now() - this.#askedAt < recycle_every_ms) return;
    this.#askedAt = performance.now();
    this.#channel.send({ robyn: "recycle", slot, reason });
  }

  #reasonToLeave(): string | undefined {
    const requests = this.#servings.reduce((sum, serving) => sum + serving.requests(), 0);
    const { maxRequests = 0, maxRss = 0 } = this.#servings[0]?.settings ?? {};
    if (maxRequests > 0 && requests >= maxRequests) return `it has answered ${requests} requests`;
    // Memory belongs to the process: one of its threads looks.
    const rss = maxRss > 0 && this.seat.thread === 0 ? process.memoryUsage.rss() : 0;
    return rss > maxRss ? `it takes ${Math.round(rss / 1_048_576)} MiB of memory` : undefined;
  }

  #receive(message: ToListener): void {
    switch (message.robyn) {
      case "bound":
        return this.#ports.get(message.app)?.resolve(message.port);
      case "refused":
        return this.#ports.get(message.app)?.reject(errorOf(message));
      case "granted":
        return this.#granted.get(message.name)?.();
      case "drain":
        return void this.#drain().then((clean) => process.exit(clean ? 0 : 1));
    }
  }

  /** Threads are told by the primary, in the same breath; after SIGTERM to this process alone, by this thread. */
  #drain(): Promise<boolean> {
    return (this.#drained ??= Promise.all([
      ...this.#servings.map(({ managed }) => managed.drain()),
      this.#threads?.drain() ?? true,
    ]).then((results) => results.every((clean) => clean)));
  }
}

function errorOf({ code, message, fix }: Extract<ToListener, { robyn: "refused" }>): RobynError {
  const known = errorCodes.find((it): it is ErrorCode => it === code) ?? "ROBYN_LISTEN_FAILED";
  return new RobynError(known, message, fix);
}
