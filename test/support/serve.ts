/** Apps on a real port, for the length of a test. */
import { Robyn, type RobynOptions, type RunningServer, type StartOptions } from "robyn";
import { silentLogger } from "./log.ts";

export interface Served extends AsyncDisposable {
  readonly port: number;
  readonly running: RunningServer;
  /** `http://127.0.0.1:port` + path. */
  url(path?: string): string;
}

/** What `start()` belongs to, whatever the state type of the app. */
interface Startable {
  start(options: StartOptions): Promise<RunningServer>;
}

/** A silent app, unless the test gives a logger. */
export function quietApp(options: RobynOptions = {}): Robyn {
  return new Robyn({ logger: silentLogger, development: false, ...options });
}

/**
 * Starts `app` on a free port, without banner and signals: both belong to a process, and this one is the test
 * runner's. Stopped at the end of the block: `await using server = await serveApp(app)`.
 */
export async function serveApp(app: Startable, options: StartOptions = {}): Promise<Served> {
  const running = await app.start({
    port: 0,
    banner: false,
    signals: false,
    shutdownTimeout: 1,
    ...options,
  });
  return {
    port: running.port,
    running,
    url: (path = "/") => `http://127.0.0.1:${running.port}${path}`,
    [Symbol.asyncDispose]: () => running.stop(),
  };
}
