/** One connection after the other: when the next one begins, and when there is none any more. */
import { Backoff, isFinal, overloaded, stable_s } from "./backoff.ts";
import { Connection, type ConnectionSettings } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { reconnectOf, type ReconnectOptions } from "./options.ts";

export interface CloseInfo {
  /** 1006 for a connection that broke, or never came about. */
  readonly code: number;
  readonly reason: string;
}

export interface LinkListener {
  /** @param again whether there was an open connection before */
  onOpen(connection: Connection, again: boolean): void;
  onMessage(data: string | Uint8Array): void;
  /** After the final one nothing follows. */
  onClose(info: CloseInfo & { readonly isFinal: boolean }): void;
  onWait(wait: { readonly failures: number; readonly seconds: number }): void;
  onError(error: unknown): void;
}

export interface LinkOptions extends ConnectionSettings {
  /** Asked before every connection. */
  readonly url: () => string | Promise<string>;
  readonly protocols: readonly string[];
  readonly open: Environment["open"];
  readonly reconnect: ReconnectOptions | false | undefined;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #environment: Environment;
  readonly #stopOn: (code: number, reason: string) => boolean;
  readonly #backoff: Backoff;
  #connection: Connection | undefined;
  /** Numbers the attempts: what belongs to an older one is of no interest. */
  #attempt = 0;
  #hasOpened = false;
  #hasEnded = false;
  #cancelTimer: () => void = () => {};

  constructor(options: LinkOptions, listener: LinkListener, environment: Environment) {
    const reconnect = reconnectOf(options.reconnect);
    this.#options = options;
    this.#listener = listener;
    this.#environment = environment;
    this.#stopOn = reconnect.stopOn;
    this.#backoff = new Backoff(reconnect, () => environment.random());
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** @throws what the address, or the platform, does not like about the first attempt */
  start(): void {
    const attempt = ++this.#attempt;
    const isCurrent = () => attempt === this.#attempt && !this.#hasEnded;
    const url = this.#options.url();
    if (typeof url === "string") return this.#open(url);
    const open = (it: string) => {
      if (isCurrent()) this.#open(it);
    };
    url.then(open).catch((error: unknown) => {
      if (isCurrent()) this.#failed(error);
    });
  }

  close(code: number, reason: string): void {
    this.#connection?.close(code, reason);
    this.#end({ code, reason });
  }

  #open(url: string): void {
    const { protocols, open } = this.#options;
    const listener = {
      onOpen: () => this.#opened(connection),
      onMessage: (data: string | Uint8Array) => this.#listener.onMessage(data),
      onClose: (code: number, reason: string) => this.#closed({ code, reason }),
    };
    const socket = open(url, [...protocols]);
    const connection = new Connection(socket, listener, this.#options, this.#environment.later);
    this.#connection = connection;
  }

  #opened(connection: Connection): void {
    const again = this.#hasOpened;
    this.#hasOpened = true;
    this.#cancelTimer = this.#environment.later(() => this.#backoff.reset(), stable_s * 1_000);
    try {
      this.#listener.onOpen(connection, again);
    } catch (error) {
      connection.close(3000, "");
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#listener.onError(error);
    this.#closed({ code: 1006, reason: "" });
  }

  #closed(info: CloseInfo): void {
    this.#cancelTimer();
    this.#connection = undefined;
    if (this.#hasEnded) return;
    if (isFinal(info.code) || this.#isStop(info)) return this.#end(info);
    if (this.#hasEnded) return;
    const wait_ms = this.#backoff.next(info.code === 1013 ? overloaded : 0);
    if (wait_ms === undefined) return this.#end(info);
    this.#cancelTimer = this.#environment.later(() => this.#again(), wait_ms);
    const { failures } = this.#backoff;
    this.#listener.onClose({ ...info, isFinal: false });
    // Who was told of the close may have closed for good.
    if (this.#hasEnded) return;
    this.#listener.onWait({ failures, seconds: wait_ms / 1_000 });
  }

  #isStop({ code, reason }: CloseInfo): boolean {
    try {
      return this.#stopOn(code, reason);
    } catch (error) {
      this.#listener.onError(error);
      return false;
    }
  }

  #again(): void {
    try {
      this.start();
    } catch (error) {
      this.#failed(error);
    }
  }

  #end(info: CloseInfo): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#connection = undefined;
    this.#cancelTimer();
    this.#listener.onClose({ ...info, isFinal: true });
  }
}
