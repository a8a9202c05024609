/**
 * Hands over what the cluster sent to where all clusters meet. It is the consumer of the cluster's own memory, so there is
 * one per cluster, another listener goes on when it dies, and it acknowledges only what is kept elsewhere.
 */
import type { Logger } from "../logger.ts";
import type { ChannelPort, NumberedMessage, ReceivingEnd } from "../native/core.ts";
import { Consumer } from "./consumer.ts";
import { Bell, safetyPoll_ms } from "./doorbell.ts";
import type { RemoteChannel } from "./remote.ts";

export interface PumpOptions {
  readonly name: string;
  readonly port: ChannelPort;
  readonly remote: RemoteChannel;
  readonly ring: (slot: number) => void;
  readonly logger: Logger;
}

/** Enough for a round trip to cost little per message; what is larger than this is handed over in parts anyway. */
const batch = 512;

export class Pump {
  readonly #options: PumpOptions;
  readonly #consumer: Consumer<NumberedMessage>;
  readonly #bell = new Bell();
  /** The bell rang while nobody waited for it. */
  #rang = false;
  #abandoned = false;

  constructor(options: PumpOptions) {
    this.#options = options;
    const { port, ring } = options;
    this.#consumer = new Consumer({
      port: numbered(port),
      batch,
      delay: 0,
      ring,
      keepsAlive: false,
    });
    void this.#run();
  }

  wake(): void {
    this.#rang = true;
    this.#bell.ring();
    this.#consumer.wake();
  }

  /** Resolves when another listener of the cluster goes on, or everything is handed over. */
  async finish(): Promise<void> {
    this.#consumer.stop();
    this.wake();
    await this.#consumer.ended;
  }

  /** Lets go of what could not be handed over. */
  abandon(): void {
    this.#abandoned = true;
    this.#consumer.end();
    this.#bell.ring();
  }

  async #run(): Promise<void> {
    const consumer = this.#consumer;
    try {
      for (let next = await consumer.next(); next !== undefined; next = await consumer.next())
        if (!(await this.#handOver(next))) return;
    } catch (error) {
      const { logger, name } = this.#options;
      logger.error(`channel "${name}": handing over ended`, error);
    } finally {
      consumer.end();
    }
  }

  /**
   * Waits for as long as it takes: meanwhile the cluster's own memory fills, and senders wait as well. One that is to stop
   * leaves the waiting to another listener, if there is one.
   *
   * @returns false if it was abandoned
   */
  async #handOver(messages: NumberedMessage[]): Promise<boolean> {
    let rest = messages;
    while (!this.#abandoned) {
      this.#rang = false;
      const settled = await this.#options.remote.append(rest);
      if (settled === rest.length) return true;
      rest = rest.slice(settled);
      if (!this.#rang) await this.#bell.rung(safetyPoll_ms, false);
      if (this.#consumer.stopping) {
        this.#consumer.giveBack();
        return true;
      }
    }
    return false;
  }
}

/** The receiving end of a port, with the number of each message. */
function numbered(port: ChannelPort): ReceivingEnd<NumberedMessage> {
  return {
    lease: () => port.lease(),
    release: () => port.release(),
    hasRival: () => port.hasRival(),
    take: (max) => port.takeNumbered(max),
    acknowledge: () => port.acknowledge(),
    maySleep: () => port.maySleep(),
    isEmpty: () => port.isEmpty(),
  };
}
