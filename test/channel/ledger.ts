/** What producers and consumers of a test did, by the number of the producer's life, in a file that all of them map. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const lives_max = 4_096;
const columns = [
  "tried",
  "accepted",
  "received",
  "acknowledged",
  "repeated",
  "faults",
  "batches",
] as const;

export type Ledger = Readonly<Record<(typeof columns)[number], Uint32Array>>;

export function openLedger(directory: string): Ledger {
  const path = join(directory, "ledger");
  if (!existsSync(path)) writeFileSync(path, new Uint8Array(columns.length * lives_max * 4));
  const { buffer, byteOffset } = Bun.mmap(path, { shared: true });
  const column = (index: number) =>
    new Uint32Array(buffer, byteOffset + index * lives_max * 4, lives_max);
  return {
    tried: column(0),
    accepted: column(1),
    received: column(2),
    acknowledged: column(3),
    repeated: column(4),
    faults: column(5),
    batches: column(6),
  };
}
