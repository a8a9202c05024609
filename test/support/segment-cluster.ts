/** A segment with listeners in processes of their own, as the primary of a cluster keeps it: slots, doorbells, kills. */
import { join } from "node:path";
import { OwnedSegment } from "../../src/native/segment.ts";
import { segmentVariable, writeSegmentPlace } from "../../src/native/segment-place.ts";
import { type Folder, temporaryFolder } from "./folder.ts";
import { projectRoot } from "./native.ts";

/** Set for the listeners: where their doorbells are. */
export const doorbellVariable = "TEST_DOORBELLS";

export interface Listener {
  readonly slot: number;
  readonly process: Bun.Subprocess<"ignore", "inherit", "inherit">;
}

export class TestCluster implements AsyncDisposable {
  readonly folder: Folder = temporaryFolder();
  readonly #segment = new OwnedSegment();
  readonly #listeners = new Map<number, Listener>();
  readonly #environment: Readonly<Record<string, string>>;

  /** @param environment of the listeners, beside what is that of this process */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
  }

  /** Runs `script` (from the root of the project) as the listener of a slot that is free. */
  start(slot: number, script: string, args: readonly string[]): Listener {
    if (this.#listeners.has(slot)) throw new Error(`slot ${slot} is taken`);
    this.#segment.claimSlot(slot);
    const process_ = Bun.spawn([process.execPath, join(projectRoot, script), ...args], {
      cwd: projectRoot,
      env: {
        ...process.env,
        ...this.#environment,
        [segmentVariable]: writeSegmentPlace(3, slot),
        [doorbellVariable]: this.folder.path,
      },
      stdio: ["ignore", "inherit", "inherit", this.#segment.descriptor],
    });
    const listener = { slot, process: process_ };
    this.#listeners.set(slot, listener);
    return listener;
  }

  /** Resolves when the process is gone and its slot is free. */
  async end(listener: Listener, signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    listener.process.kill(signal);
    await listener.process.exited;
    this.#segment.releaseSlot(listener.slot);
    this.#listeners.delete(listener.slot);
    return listener.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((it) => this.end(it, "SIGKILL")));
    this.folder[Symbol.dispose]();
  }
}
