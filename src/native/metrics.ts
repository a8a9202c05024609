/** The metrics of a cluster in its segment: a thin class over `robyn_metrics_*`. */
import type { Pointer } from "bun:ffi";
import { limits } from "../limits.ts";
import {
  cellsPerLine,
  lineBits,
  type MetricReading,
  type MetricStore,
  type MetricTotal,
  type TickClock,
} from "./core.ts";
import { allocateShared, type NativeSymbols, viewMemory } from "./library.ts";
import { statusName } from "./route-table.ts";
import { ProcessorClock, systemClock } from "./ticks.ts";
import type { ZigSegment } from "./segment.ts";
import { sizes, status } from "./symbols.ts";

export class ZigMetricStore implements MetricStore {
  readonly shared: boolean;
  readonly chunks: Float64Array[] = [];
  readonly incarnation: number;
  readonly clock: TickClock;
  readonly #native: NativeSymbols;
  readonly #handle: Pointer;
  readonly #slot: number;
  readonly #linesAddress: number;
  readonly #textsAddress: number;
  readonly #number = allocateShared(8);
  readonly #text = allocateShared(limits.metric_text_bytes_max);
  readonly #summary = allocateShared(sizes.MetricsSummary);
  /** Line by series and part, of this slot: those of earlier listeners too, which this one goes on with. */
  readonly #lines = new Map<number, number>();
  #capacity = 256;

  constructor({ native, handle, slot, shared }: ZigSegment) {
    this.#native = native;
    this.#handle = handle;
    this.#slot = slot;
    this.shared = shared;
    this.clock =
      native.robyn_ticks_are_steady() === 1 ? new ProcessorClock(native.robyn_ticks) : systemClock;
    const map = allocateShared(sizes.MetricsMap);
    check(native.robyn_metrics_map(handle, slot, map.pointer), "robyn_metrics_map");
    // extern struct Map { lines_ptr: u64, texts_ptr: u64, lines_bytes: u32, texts_bytes: u32, incarnation: u32, pad: u32 }
    const addresses = new BigUint64Array(map.buffer);
    const words = new Uint32Array(map.buffer);
    this.#linesAddress = Number(addresses[0]);
    this.#textsAddress = Number(addresses[1]);
    this.incarnation = words[6]!;
    this.#see(0);
    this.#takeOver();
  }

  register(parent: number, text: string, limit: number): number | undefined {
    const target = new Uint8Array(this.#text.buffer);
    const { read, written } = new TextEncoder().encodeInto(text, target);
    if (read !== text.length) return undefined;
    const result = this.#native.robyn_metrics_register(
      this.#handle,
      parent,
      limit,
      this.#text.pointer,
      written,
      this.#number.pointer,
    );
    if (result === status.out_of_space || result === status.invalid_argument) return undefined;
    check(result, "robyn_metrics_register");
    return new Uint32Array(this.#number.buffer)[0];
  }

  line(series: number, part: number): number {
    const key = keyOf(series, part);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const result = this.#native.robyn_metrics_add_line(
      this.#handle,
      this.#slot,
      series,
      part,
      this.#number.pointer,
    );
    if (result === status.out_of_space) return 0;
    check(result, "robyn_metrics_add_line");
    const line = new Uint32Array(this.#number.buffer)[0]!;
    this.#lines.set(key, line);
    this.#see(line);
    return line;
  }

  read(): MetricReading {
    const summary = new Uint32Array(this.#summary.buffer);
    for (;;) {
      const { buffer, pointer } = allocateShared(this.#capacity * sizes.MetricsTotal);
      const result = this.#native.robyn_metrics_read(
        this.#handle,
        pointer,
        this.#capacity,
        this.#summary.pointer,
      );
      if (result === status.ok) {
        const totals = totalsOf(buffer, summary[0]!);
        return { totals, listenersAlive: summary[1]!, listenersStarted: summary[2]! };
      }
      if (result !== status.out_of_space) check(result, "robyn_metrics_read");
      // Others may add series meanwhile.
      this.#capacity = summary[0]! + 256;
    }
  }

  text(number: number): { parent: number; text: string } {
    const address = this.#textsAddress + number * 8;
    // extern struct Head { len: u32, parent: u32, children: u32, hash: u32 }, then the text
    const head = new Uint32Array(viewMemory(address, 16).slice().buffer);
    const bytes = viewMemory(address + 16, head[0]!);
    return { parent: head[1]!, text: new TextDecoder().decode(bytes) };
  }

  #see(line: number): void {
    const chunk = line >> lineBits;
    while (this.chunks.length <= chunk) this.chunks.push(nothing);
    if (this.chunks[chunk] !== nothing) return;
    const bytes = (cellsPerLine * 8) << lineBits;
    const { buffer, byteOffset } = viewMemory(this.#linesAddress + chunk * bytes, bytes);
    this.chunks[chunk] = new Float64Array(buffer, byteOffset, bytes / 8);
  }

  #takeOver(): void {
    for (let capacity = 256; ;) {
      const records = allocateShared(capacity * sizes.MetricsOwned);
      const result = this.#native.robyn_metrics_owned(
        this.#handle,
        this.#slot,
        records.pointer,
        capacity,
        this.#number.pointer,
      );
      const count = new Uint32Array(this.#number.buffer)[0]!;
      if (result === status.out_of_space) {
        capacity = count;
        continue;
      }
      check(result, "robyn_metrics_owned");
      const words = new Uint32Array(records.buffer);
      for (let at = 0; at < count * 4; at += 4) {
        this.#lines.set(keyOf(words[at]!, words[at + 1]!), words[at + 2]!);
        this.#see(words[at + 2]!);
      }
      return;
    }
  }
}

/** Stands for chunks in which this listener has no line. */
const nothing = new Float64Array(0);

function totalsOf(buffer: ArrayBuffer, count: number): MetricTotal[] {
  const words = new Uint32Array(buffer);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * sizes.MetricsTotal;
    return {
      series: words[offset / 4]!,
      part: words[offset / 4 + 1]!,
      cells: new Float64Array(buffer, offset + 8, cellsPerLine),
    };
  });
}

function keyOf(series: number, part: number): number {
  return series * 1_024 + part;
}

function check(result: number, symbol: string): void {
  if (result === status.ok) return;
  throw new Error(`${symbol}: ${statusName(result)}`);
}
