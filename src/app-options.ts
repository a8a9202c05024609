/** What `new Robyn()` takes. */
import { RobynError } from "./errors.ts";
import type { Logger } from "./logger.ts";
import type { CoreChoice } from "./native/load.ts";
import type { ProxyHeaders } from "./request/proxies.ts";
import type { ValidationErrorHandler } from "./routing/compose.ts";
import type { Adapter } from "./server/adapter.ts";
import type { TopicSettings, WebSocketSettings } from "./websocket/settings.ts";

export interface RobynOptions {
  /** Makes `/a/` and `/a` different paths. Default false: one trailing slash is ignored. */
  strict?: boolean;
  /** Shows error messages and stacks to clients. Default: whether NODE_ENV is `development`. */
  development?: boolean;
  /** Replaces the framework's log. */
  logger?: Logger;
  /** Which core matches routes. Default `auto`: Zig, else portable with a warning. */
  core?: CoreChoice;
  /** Gives requests that break their schemas another answer than the 422 problem document. */
  onValidationError?: ValidationErrorHandler;
  /**
   * Keys of signed cookies, at least 32 characters each. The first signs, all of them verify: to replace a key, put the
   * new one first and remove the old one when its cookies have ended. Default: none, and no signed cookies.
   */
  cookieKeys?: readonly string[];
  /**
   * Largest request body in bytes; a larger one is answered 413. Routes may have another. Default 1,000,000;
   * `start({ maxPayloadSize })`, `ROBYN_MAX_PAYLOAD_SIZE` and the flag come before it.
   */
  maxPayloadSize?: number;
  /** Seconds until a handler that has not answered is given up with 503. 0: never. Routes may have another. Default 30. */
  timeout?: number;
  /**
   * Proxies in front of the server: addresses, networks (`10.0.0.0/8`) and the names `loopback` and `private`. Where the
   * TCP peer is one of them, `ipAddr`, `scheme` and `host` are what it forwards. Default: none, nobody is believed.
   */
  trustedProxies?: readonly string[];
  /**
   * The headers that those proxies maintain: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239). The
   * others are what a client sent, so they are not read. Default `x-forwarded`.
   */
  proxyHeaders?: ProxyHeaders;
  /** What holds for all WebSockets: sizes, idle timeout, pings, compression. */
  websockets?: WebSocketSettings;
  /** How much of a topic is kept for event streams that come back. */
  topics?: TopicSettings;
  /** Joins clusters past one machine: `redis("redis://…")` of `robyn/redis`. Applies to `start()`. Default: none. */
  adapter?: Adapter;
}

const optionNames = [
  "strict",
  "development",
  "logger",
  "core",
  "onValidationError",
  "cookieKeys",
  "maxPayloadSize",
  "timeout",
  "trustedProxies",
  "proxyHeaders",
  "websockets",
  "topics",
  "adapter",
];

/** @throws RobynError ROBYN_OPTION_INVALID */
export function checkOptions(options: RobynOptions): void {
  for (const name of Object.keys(options)) {
    if (optionNames.includes(name)) continue;
    throw new RobynError(
      "ROBYN_OPTION_INVALID",
      `new Robyn() was given the unknown option "${name}".`,
      `It takes ${optionNames.join(", ")}; host, port and limits belong to start().`,
    );
  }
}
