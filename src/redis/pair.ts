/** Two clients of Bun that are used as one: commands cannot go through a connection that has subscribed. */
import { RedisClient } from "bun";
import type { RedisSettings } from "./options.ts";

export interface Pair {
  readonly commands: RedisClient;
  readonly listener: RedisClient;
}

export function makePair(url: string, { timeout, tls }: RedisSettings): Pair {
  const make = () =>
    new RedisClient(url, {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: timeout,
      ...(tls !== undefined && { tls }),
    });
  return { commands: make(), listener: make() };
}

/**
 * @param channels to be subscribed to.
 * @returns which server it is: another text after every start of it, empty where it does not say
 */
export async function connect(
  { commands, listener }: Pair,
  limit_ms: number,
  channels: string[],
  receive: (text: string) => void,
): Promise<string> {
  await Promise.all([commands.connect(), listener.connect()]);
  const subscribed = listener.subscribe(channels, receive);
  const info = commands.send("INFO", ["server"]).catch(() => "");
  // A server that takes connections and is silent must not end the attempts.
  const [, text] = await within(limit_ms, Promise.all([subscribed, info]));
  return /^run_id:(\w+)/m.exec(String(text))?.[1] ?? "";
}

export function close({ commands, listener }: Pair): void {
  for (const client of [commands, listener]) {
    client.onclose = null;
    client.close();
  }
}

/** @param onLate called when it rejects for want of time. */
export async function within<Value>(
  limit_ms: number,
  value: Promise<Value>,
  onLate: () => void = () => {},
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    onLate();
    reject(new Error("there was no answer in time"));
  }, limit_ms);
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
