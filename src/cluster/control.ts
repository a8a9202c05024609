/**
 * How `robyn reload` reaches a primary: a unix socket in a folder that only this user may enter, so whoever can connect
 * may send a signal as well. Its name is port and process id; one that a killed primary left behind answers nobody.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { privateFolder } from "./private-folder.ts";

export interface Control {
  close(): void;
}

/** What a primary answers to `reload`: one line of JSON. `failure` is why the new version does not serve. */
interface Answer {
  readonly failure: string | null;
}

/** Longest question, in bytes: it has one word. */
const question_bytes_max = 64;

/** @returns undefined, after a warning, where no socket can be made: SIGHUP does the same */
export function openControl(
  port: number,
  reload: () => Promise<string | undefined>,
  logger: Logger,
): Control | undefined {
  try {
    const path = join(privateFolder(), `${port}-${process.pid}.sock`);
    rmSync(path, { force: true });
    const listener = Bun.listen<{ text: string }>({
      unix: path,
      socket: {
        open: (socket) => void (socket.data = { text: "" }),
        async data(socket, chunk) {
          socket.data.text += chunk.toString("latin1");
          if (socket.data.text.length > question_bytes_max) return void socket.end();
          if (socket.data.text !== "reload\n") return;
          const answer: Answer = { failure: (await reload()) ?? null };
          socket.end(`${JSON.stringify(answer)}\n`);
        },
      },
    });
    // The process does not live for it.
    listener.unref();
    return {
      close() {
        listener.stop(true);
        rmSync(path, { force: true });
      },
    };
  } catch (error) {
    logger.warn("robyn reload will not find this server; SIGHUP does the same", error);
    return undefined;
  }
}

/**
 * Asks the primary on `port`, or the only one there is, to reload, and waits until it has.
 *
 * @throws RobynError ROBYN_PRIMARY_NOT_FOUND, ROBYN_RELOAD_FAILED
 */
export async function requestReload(port: number | undefined): Promise<void> {
  const found = await primaries(port);
  const [only, another] = found;
  if (only === undefined || another !== undefined) {
    const which = port === undefined ? "" : ` on port ${port}`;
    throw new RobynError(
      "ROBYN_PRIMARY_NOT_FOUND",
      only === undefined
        ? `No cluster of this user runs${which}.`
        : `${found.length} clusters of this user run: ${found.map(({ name }) => name).join(", ")} (port-pid).`,
      only === undefined
        ? "Start one with --processes, or send SIGHUP to its primary."
        : "Say which with --port, or send SIGHUP to its primary.",
    );
  }
  const { failure } = await only.ask();
  if (failure === null) return;
  throw new RobynError(
    "ROBYN_RELOAD_FAILED",
    `The reload stopped: ${failure}.`,
    "The log of the cluster says more.",
  );
}

interface Found {
  readonly name: string;
  ask(): Promise<Answer>;
}

async function primaries(port: number | undefined): Promise<Found[]> {
  const folder = privateFolder();
  const names = readdirSync(folder).filter((name) =>
    port === undefined ? name.endsWith(".sock") : name.startsWith(`${port}-`),
  );
  const found: Found[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    promise.catch(() => {});
    let text = "";
    try {
      const socket = await Bun.connect({
        unix: path,
        socket: {
          data: (_, chunk) => void (text += chunk.toString()),
          close: () => parseAnswer(text, resolve, reject),
          error: (_, error) => reject(error),
        },
      });
      found.push({
        name: name.replace(/\.sock$/, ""),
        ask() {
          socket.write("reload\n");
          return promise;
        },
      });
    } catch {
      // Left behind by a primary that was killed.
      rmSync(path, { force: true });
    }
  }
  return found;
}

function parseAnswer(
  text: string,
  resolve: (answer: Answer) => void,
  reject: (error: Error) => void,
): void {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("failure" in value)) throw new Error(text);
    const { failure } = value;
    resolve({ failure: typeof failure === "string" ? failure : null });
  } catch {
    reject(
      new RobynError(
        "ROBYN_RELOAD_FAILED",
        "The cluster ended before it answered.",
        "Its log says why.",
      ),
    );
  }
}
