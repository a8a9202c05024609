/**
 * Kills processes that decide rate limits, at random instants, and holds what is left against what they wrote down:
 * `bun test/chaos/limit-kills.ts [kills]`; ROBYN_SEED replays the instants as far as a machine can.
 *
 * Each writer says which key it is about to decide, then how it ended. So of a killed one it is known to the request
 * what may be charged without having been counted: at most the one in flight.
 */
import { closeSync, openSync, readSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { loadCore } from "../../src/native/load.ts";
import { OwnedSegment } from "../../src/native/segment.ts";
import { segmentVariable, writeSegmentPlace } from "../../src/native/segment-place.ts";
import { temporaryFolder } from "../support/folder.ts";
import { silentLogger } from "../support/log.ts";
import { createRandom, seedOfPart, seedOfRun } from "../support/random.ts";
import { until } from "../support/wait.ts";
import { Notes, windows } from "./limit-plan.ts";

const writers = 3;
/** With more of them in use, some buckets of the table would be full, and keys be forgotten as they should be. */
const keys_max = 6_000;

export interface Verdict {
  readonly kills: number;
  /** Keys that the writers went through. */
  readonly keys: number;
  /** Requests that passed, as the writers counted. */
  readonly passed: number;
  /** Requests that were in flight when their writer was killed. */
  readonly inFlight: number;
  readonly evictions: number;
  /** Entries of the table in use, pending ones among them. */
  readonly entries: number;
  /** Insertions that a dead process left. */
  readonly pending: number;
  readonly mistakes: readonly string[];
}

export async function killWriters(kills: number, seed: number): Promise<Verdict> {
  using folder = temporaryFolder();
  const file = join(folder.path, "counts");
  closeSync(openSync(file, "w"));
  const keys = Math.min(2_000 + 20 * kills, keys_max);
  truncateSync(file, Notes.bytes(kills + writers, keys));
  const notes = new Notes(Bun.mmap(file, { shared: true }), keys);
  const segment = new OwnedSegment();
  const random = createRandom(seed);
  const running = new Map<number, Bun.Subprocess>();
  let rows = 0;
  try {
    while (rows < writers) start();
    for (let killed = 0; killed < kills; killed++) {
      const [row, writer] = [...running][random.below(running.size)]!;
      await until("a writer to write", () => notes.isReady(row), 15_000);
      const end = performance.now() + random.below(6_000) / 1_000;
      while (performance.now() < end);
      writer.kill("SIGKILL");
      await writer.exited;
      running.delete(row);
      start();
    }
  } finally {
    for (const writer of running.values()) writer.kill("SIGKILL");
    await Promise.all([...running.values()].map((writer) => writer.exited));
  }
  return judge(segment.descriptor, notes, rows);

  function start(): void {
    const row = rows++;
    const command = [process.execPath, join(import.meta.dir, "limit-writer.ts"), file];
    const writer = Bun.spawn([...command, `${keys}`, `${row}`, `${seedOfPart(seed, row)}`], {
      stdio: ["ignore", "inherit", "inherit", segment.descriptor],
      env: { ...process.env, [segmentVariable]: writeSegmentPlace(3, row % 256) },
    });
    running.set(row, writer);
  }
}

/** No mercy: what a key was charged is what passed, and what was in flight may be. */
function judge(descriptor: number, notes: Notes, rows: number): Verdict {
  const mistakes: string[] = [];
  const segment = loadCore("zig", silentLogger).openSegment({ descriptor, slot: 0 });
  const limiter = segment.rateLimits.limiter(windows);
  const inFlight = Array.from({ length: rows }, (_, row) => notes.inFlight(row));
  const keys = notes.front + 1;
  let passed = 0;
  for (let key = 0; key < keys; key++) {
    let counted = 0;
    for (let row = 0; row < rows; row++) counted += notes.passed(row, key);
    const open = inFlight.filter((it) => it === key).length;
    for (const index of windows.keys()) limiter.ask(index, `${key}`, 0);
    limiter.decide(segment.now());
    for (const [index, { identity, burst }] of windows.entries()) {
      const charged = burst - limiter.remaining(index);
      if (counted > burst) mistakes.push(`${identity} ${key}: ${counted} passed of ${burst}`);
      if (charged < counted || charged > counted + open)
        mistakes.push(
          `${identity} ${key}: charged ${charged}, passed ${counted}, in flight ${open}`,
        );
    }
    passed += counted;
  }
  const table = readTable(descriptor);
  const live = table.filter(({ isPending }) => !isPending).map(({ key }) => key);
  if (new Set(live).size !== live.length) mistakes.push("a key is in the table twice");
  if (live.length < 2 * (keys - 1)) mistakes.push("the table was read at the wrong place");
  return {
    kills: rows - writers,
    keys,
    passed,
    inFlight: inFlight.filter((it) => it !== undefined).length,
    evictions: segment.rateLimits.evictions,
    entries: table.length,
    pending: table.length - live.length,
    mistakes,
  };
}

/** Header page, 256 slots of 64 bytes, then buckets of eight pairs, of which the first is a head. */
function readTable(descriptor: number): { key: bigint; isPending: boolean }[] {
  const bytes = Buffer.alloc(65_536 * 128);
  readSync(descriptor, bytes, 0, bytes.length, 4_096 + 256 * 64);
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const found: { key: bigint; isPending: boolean }[] = [];
  for (let at = 0; at < words.length; at += 2) {
    if (at % 16 === 0 || words[at] === 0n) continue;
    found.push({ key: words[at]!, isPending: words[at + 1]! >> 63n === 1n });
  }
  return found;
}

if (import.meta.main) {
  const seed = seedOfRun();
  console.log(`seed ${seed}`);
  const verdict = await killWriters(Number(process.argv[2] ?? 1_000), seed);
  console.log(verdict);
  process.exit(verdict.mistakes.length === 0 ? 0 : 1);
}
