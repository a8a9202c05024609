/** The only caller of `Bun.serve`. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { BunServer } from "../request/context.ts";
import { problem } from "../response/problem.ts";
import type { Compiled } from "../routing/compile.ts";
import { accelerate } from "./accelerator.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Settings } from "./settings.ts";

/** A server, and the way to let its connections go. */
export interface Listener {
  readonly server: BunServer;
  /** From now on every answer ends its connection. `onRequest` is told of each request, so that its caller knows when none come any more. */
  dismissConnections(onRequest: () => void): void;
}

/** Bun looks at its timers every four seconds; with less than two looks, 1.4.5 closes connections that were just used. */
const idle_s_min = 5;

/** What not every server has. */
export interface Extras {
  /** Other processes listen on the port, too; the primary has made sure that they are ours. */
  readonly isShared?: boolean;
  readonly websocket?: Bun.WebSocketHandler<unknown> | undefined;
}

/**
 * @throws RobynError ROBYN_PORT_IN_USE, ROBYN_HOST_INVALID or ROBYN_LISTEN_FAILED
 */
export async function serve(
  compiled: Compiled,
  dispatch: Dispatch,
  settings: Settings,
  logger: Logger,
  { isShared, websocket }: Extras = {},
): Promise<Listener> {
  await checkHost(settings.host);
  const handleError = (error: Error) => {
    logger.error("an error left the dispatcher", error);
    return problem(500);
  };
  try {
    const server: BunServer = Bun.serve({
      hostname: settings.host,
      port: settings.port,
      // Always set: with development off, Bun 1.4.5 turns it on by itself, and a second server would take half of the
      // connections of the first instead of being told that the port is in use.
      reusePort: isShared === true,
      idleTimeout: Math.max(settings.keepAliveTimeout, idle_s_min),
      maxRequestBodySize: Math.max(serverPayload_min, largestPayload(compiled, settings)),
      ...(websocket === undefined ? {} : { websocket }),
      ...(settings.tls === undefined ? {} : { tls: settings.tls }),
      // Always set: left alone, Bun decides by NODE_ENV and its error page shows source code to the client.
      development: false,
      routes: settings.accelerator ? accelerate(compiled) : {},
      fetch: dispatch,
      error: handleError,
    });
    return {
      server,
      dismissConnections(onRequest) {
        server.reload({
          routes: {},
          fetch: dismiss(dispatch, onRequest),
          ...(websocket === undefined ? {} : { websocket }),
          error: handleError,
        });
      },
    };
  } catch (error) {
    throw listenError(error, settings);
  }
}

/**
 * Whether nobody listens on host and port. A primary asks before its workers share the port: they would share it with
 * any other server of this user as well.
 *
 * @returns the port, chosen by the system for 0.
 * @throws RobynError as `serve` does
 */
export async function probePort(settings: Settings): Promise<number> {
  await checkHost(settings.host);
  try {
    const { host: hostname, port } = settings;
    const server = Bun.serve({
      hostname,
      port,
      reusePort: false,
      development: false,
      fetch: () => problem(503),
    });
    const chosen = server.port ?? port;
    await server.stop(true);
    return chosen;
  } catch (error) {
    throw listenError(error, settings);
  }
}

/** A client that is told that its connection ends sends its next request on another one: none can be lost with it. */
function dismiss(dispatch: Dispatch, onRequest: () => void): Dispatch {
  return (request, server) => {
    onRequest();
    const response = dispatch(request, server);
    return response instanceof Promise ? response.then(closeAfter) : closeAfter(response);
  };
}

function closeAfter(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // What `fetch()` returned has headers that cannot be changed.
    const headers = new Headers(response.headers);
    headers.set("connection", "close");
    return new Response(response.body, { status: response.status, headers });
  }
}

/**
 * Bodies are limited by `guardBody`, whose 413 hooks see and clients can read; Bun's own is an empty one that closes the
 * connection, and stands behind it for what is out of all proportion. This is Bun's default.
 */
const serverPayload_min = 134_217_728;

function largestPayload({ endpoints }: Compiled, { maxPayloadSize }: Settings): number {
  return endpoints.reduce(
    (largest, { route }) => Math.max(largest, route.options.maxPayloadSize ?? 0),
    maxPayloadSize,
  );
}

/** `Bun.serve` reports an unknown host as a busy port, so the name is looked up first. */
async function checkHost(host: string): Promise<void> {
  if (/^[\d.]+$/.test(host) || host.includes(":") || host === "localhost") return;
  const { lookup } = await import("node:dns/promises");
  try {
    await lookup(host);
  } catch (cause) {
    throw new RobynError(
      "ROBYN_HOST_INVALID",
      `The host ${JSON.stringify(host)} is not an address of this machine: it cannot be resolved.`,
      'Listen on "127.0.0.1", "0.0.0.0", "::" or a name of this machine.',
      { cause },
    );
  }
}

function listenError(error: unknown, { host, port }: Settings): RobynError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EADDRINUSE") {
    return new RobynError(
      "ROBYN_PORT_IN_USE",
      `Port ${port} on ${host} is in use${holderOf(port)}.`,
      "Stop that process, or choose another port with --port, ROBYN_PORT or start({ port }); 0 takes a free one.",
      { cause: error },
    );
  }
  const why = error instanceof Error ? error.message : String(error);
  return new RobynError(
    "ROBYN_LISTEN_FAILED",
    `The server could not listen on ${host}:${port}: ${why}.`,
    "Ports below 1024 need privileges; the host must be an address of this machine.",
    { cause: error },
  );
}

/** Names the process where the system tells: `ss` on Linux. */
function holderOf(port: number): string {
  try {
    const { stdout } = Bun.spawnSync(["ss", "-Hltnp", `sport = :${port}`], { stderr: "ignore" });
    const found = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout.toString());
    return found === null ? "" : ` by ${found[1]} (pid ${found[2]})`;
  } catch {
    return "";
  }
}
