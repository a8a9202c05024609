/** What a process asks of the kernel through the library. Without a library each of these says that it did nothing. */
import { limits } from "../limits.ts";
import { allocateShared, libraryPath, type NativeSymbols, openLibrary } from "./library.ts";
import { status } from "./symbols.ts";

/** How it stands with the parent: `bound` is killed with it, `orphaned` has lost it already. */
export type Bond = "bound" | "orphaned" | "unavailable";

/** Lets the kernel kill this process when `parent` ends, even if this process hangs. Linux only. */
export function dieWithParent(parent: number): Bond {
  const result = native()?.robyn_process_die_with_parent(parent);
  if (result === status.ok) return "bound";
  return result === status.not_found ? "orphaned" : "unavailable";
}

/**
 * Makes the kernel hand over connections on `port` as soon as they are there, and not with their first bytes: what it
 * keeps back is lost when the listener closes.
 *
 * @returns false where the system offers no way
 */
export function acceptAtOnce(port: number): boolean {
  const open = descriptors();
  if (open === undefined) return false;
  const library = native();
  return (library?.robyn_process_accept_at_once(open.pointer, open.count, port) ?? -1) >= 0;
}

/**
 * Closes the listening sockets of this process on `port` and keeps their connections, which Bun's own `stop()` cannot. A
 * connection that waits to be accepted would be reset where the kernel does not hand it on, so the event loop gets a few
 * turns to accept what is there.
 *
 * @returns whether none is left; false where the system offers no way.
 */
export async function closeListeners(port: number): Promise<boolean> {
  for (let turn = 0; turn < accepting_turns_max; turn++) {
    const open = closeOnce(port, true);
    if (open <= 0) return open === 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return closeOnce(port, false) === 0;
}

/** Under a flood of connections the queue is never seen empty. */
const accepting_turns_max = 50;

/** @returns how many stay open, or a negative status */
function closeOnce(port: number, onlyIdle: boolean): number {
  const open = descriptors();
  const library = native();
  if (open === undefined || library === undefined) return status.not_found;
  return library.robyn_process_close_listeners(open.pointer, open.count, port, onlyIdle ? 1 : 0);
}

/** Connections of this process' servers on `port`; undefined where nobody can tell. */
export function countConnections(port: number): number | undefined {
  const open = descriptors();
  if (open === undefined) return undefined;
  const count = native()?.robyn_process_count_connections(open.pointer, open.count, port) ?? -1;
  return count < 0 ? undefined : count;
}

/** The library is opened by `loadCore` long before; opening it again costs a lookup. */
let opened: NativeSymbols | null | undefined;

function native(): NativeSymbols | undefined {
  if (opened === undefined) {
    try {
      opened = openLibrary(libraryPath);
    } catch {
      // Why it cannot be opened was said when the core was chosen.
      opened = null;
    }
  }
  return opened ?? undefined;
}

function descriptors() {
  try {
    const { readdirSync } = require("node:fs") as typeof import("node:fs");
    const numbers = readdirSync("/proc/self/fd").map(Number).slice(0, limits.descriptors_max);
    const { buffer, pointer } = allocateShared(Math.max(4, numbers.length * 4));
    new Int32Array(buffer).set(numbers);
    return { pointer, count: numbers.length, buffer };
  } catch {
    return undefined;
  }
}
