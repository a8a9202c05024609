/**
 * One living server for a file of hostile requests: whatever a test sends, it must still answer the next client, and
 * no request may be left hanging.
 */
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import type { StartOptions } from "robyn";
import { type RecordingLogger, recordingLogger } from "./log.ts";
import { exchange, type RawResponse, request } from "./raw.ts";
import { quietApp, serveApp, type Served } from "./serve.ts";
import { until } from "./wait.ts";

export interface Victim {
  readonly port: number;
  readonly pending: number;
  readonly log: RecordingLogger;
  /** Sends `bytes` on a connection of their own. */
  exchange(bytes: string | Uint8Array, method?: string): Promise<RawResponse>;
  get(target: string, headers?: Readonly<Record<string, string>>): Promise<RawResponse>;
}

/** @param define adds to an app that has `GET /alive`. Call it once per file, at its top level. */
export function startVictim(
  define: (app: ReturnType<typeof quietApp>) => unknown,
  options: StartOptions = {},
): Victim {
  const log = recordingLogger();
  let server: Served;
  beforeAll(async () => {
    const app = quietApp({ logger: log });
    app.get("/alive", () => "alive");
    define(app);
    server = await serveApp(app, { maxPayloadSize: 10_000, ...options });
  });
  afterEach(async () => {
    const { status, text } = await exchange(server.port, request("GET", "/alive"));
    expect({ status, text }).toEqual({ status: 200, text: "alive" });
    await until("all requests to end", () => server.running.pending === 0);
    // An own property of Object.prototype would be seen by every object of the process.
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  return {
    log,
    get port() {
      return server.port;
    },
    get pending() {
      return server.running.pending;
    },
    exchange: (bytes, method) => exchange(server.port, bytes, method),
    get: (target, headers) => exchange(server.port, request("GET", target, headers)),
  };
}
