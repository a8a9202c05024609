/** The place of a listener in a cluster, as the primary assigned it. Here, so that a single process need not load the cluster. */

/** One listener: a worker process, or one of its threads. */
export interface Seat {
  /** 0 to processes × workers − 1, stable: who replaces a listener has its index. */
  readonly index: number;
  /** Unique among all listeners alive, taken again only after its process has ended. */
  readonly slot: number;
  /** How many times the cluster had been reloaded when this process was started. */
  readonly generation: number;
  readonly processes: number;
  /** Listeners of this process, each on a thread of its own. */
  readonly workers: number;
  /** 0 is the main thread of the process. */
  readonly thread: number;
  /** Slots of all threads of this process, in their order. */
  readonly slots: readonly number[];
  /** Process id of the primary. */
  readonly primary: number;
  /** Private directory of the sockets between listeners. */
  readonly sockets: string;
  /** Unique among all clusters, of all machines. */
  readonly cluster: string;
  /** Descriptor of the shared memory, −1 where there is none. */
  readonly segment: number;
}

export const seatVariable = "ROBYN_WORKER";

const key = Symbol.for("robyn.seat");

/**
 * The seat of this thread; undefined in a single process and in a primary. The variable is taken out of the environment,
 * so that nothing that this process starts finds it. A second copy of the package finds the seat by its symbol.
 */
export function currentSeat(): Seat | undefined {
  const holder = globalThis as { [key]?: Seat };
  const text = process.env[seatVariable];
  if (text !== undefined) {
    delete process.env[seatVariable];
    holder[key] = parseSeat(text);
  }
  return holder[key];
}

/** What is no seat is none: only a primary writes this variable, and a process without a seat serves alone. */
function parseSeat(text: string): Seat | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isSeat(value) && isMine(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * `Bun.spawn` without `env` hands on the environment that this process was started with, whatever was taken out of it
 * since. So a child of a worker may find the variable, too; it has no channel, or not one to the primary.
 */
function isMine({ thread, primary }: Seat): boolean {
  if (thread > 0) return !Bun.isMainThread;
  if (process.send === undefined) return false;
  return process.ppid === primary || !isAlive(primary);
}

/** A worker whose primary is gone keeps its seat: it must end, and not serve on alone. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function isSeat(value: unknown): value is Seat {
  if (typeof value !== "object" || value === null) return false;
  const seat: Partial<Record<string, unknown>> = { ...value };
  const numbers = [
    "index",
    "slot",
    "generation",
    "processes",
    "workers",
    "thread",
    "primary",
    "segment",
  ];
  return (
    numbers.every((name) => Number.isSafeInteger(seat[name])) &&
    typeof seat.sockets === "string" &&
    typeof seat.cluster === "string" &&
    Array.isArray(seat.slots) &&
    seat.slots.every(Number.isSafeInteger)
  );
}
