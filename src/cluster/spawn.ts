/** How a worker process comes into the world: by running again what runs here, with a seat in its environment. */
import { segmentVariable, writeSegmentPlace } from "../native/segment-place.ts";
import { type Seat, seatVariable } from "../server/seat.ts";
import type { Subprocess } from "bun";

export interface Birth {
  readonly seat: Omit<Seat, "segment">;
  /** Descriptor of the shared memory in this process; the worker inherits it. */
  readonly segment: number | undefined;
  onMessage(message: unknown): void;
  /** Once, when the process has ended and its descriptors are closed. */
  onEnded(code: number | null, signal: string | null): void;
}

/** Descriptors 0, 1 and 2 are those of every process; what is passed on follows. */
const segmentDescriptor = 3;

const last_words_ms = 50;

/** Flags that make Bun start the process again: in a worker they would do so beside the primary. */
const restarting = ["--watch", "--hot"];

export function spawnWorker({
  seat,
  segment,
  onMessage,
  onEnded,
}: Birth): Subprocess<"ignore", "inherit", "inherit"> {
  const exited = Promise.withResolvers<{ code: number | null; signal: string | null }>();
  const disconnected = Promise.withResolvers<void>();
  // Its last words may still be on the way when it has ended; a child of its own may keep the channel open for ever.
  void exited.promise.then(async ({ code, signal }) => {
    await Promise.race([disconnected.promise, Bun.sleep(last_words_ms)]);
    onEnded(code, signal);
  });
  const own = { ...seat, segment: segment === undefined ? -1 : segmentDescriptor };
  return Bun.spawn([process.execPath, ...commandOf()], {
    env: { ...process.env, ...placeOf(own) },
    stdio: ["ignore", "inherit", "inherit", ...(segment === undefined ? [] : [segment])],
    serialization: "json",
    ipc: onMessage,
    onDisconnect: () => disconnected.resolve(),
    onExit: (_, code, signal) =>
      exited.resolve({ code, signal: signal === null ? null : String(signal) }),
  });
}

/** A thread of this process, which runs the same entry and finds its seat in an environment of its own. */
export function spawnThread(seat: Seat): Worker {
  return new Worker(Bun.main, {
    env: { ...environment(), ...placeOf(seat) },
    argv: process.argv.slice(2),
  });
}

/** What a listener is told by its environment. */
function placeOf(seat: Seat): Record<string, string> {
  const place = { [seatVariable]: JSON.stringify(seat) };
  if (seat.segment < 0) return place;
  return { ...place, [segmentVariable]: writeSegmentPlace(seat.segment, seat.slot) };
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

/** A compiled binary is its own entry; there the path of a script would be an argument of the application. */
function commandOf(): string[] {
  const args = process.argv.slice(2);
  if (Bun.isStandaloneExecutable) return args;
  return [...process.execArgv.filter((flag) => !restarting.includes(flag)), Bun.main, ...args];
}
