/**
 * The grid of every histogram: eight equal steps between a power of two and the next, from 2^-30 to 2^40 (a nanosecond
 * to 35,000 years, a byte to a terabyte). The middle of a step is at most 1/16, 6.25 %, from any value in it; the idea
 * is HdrHistogram's (Tene, "High Dynamic Range Histogram"). All histograms having one grid is what lets them be added.
 *
 * A step leaves its lower end out and includes its upper end, as `le` of Prometheus does.
 */
import { cellsPerLine, lineBits } from "../native/core.ts";

export const stepsPerOctave = 8;
export const octave_first = -30;
export const octaves = 70;
export const steps = octaves * stepsPerOctave;

/** Part 0 of a histogram holds its sum and what lies outside of the grid; part n + 1 octave n. */
export const headPart = 0;
export const partsOfHistogram: number = octaves + 1;
/** Cells of the head. */
export const head = { sum: 0, below: 1, above: 2 } as const;

const value_bits = new Float64Array(1);
const words = new Uint32Array(value_bits.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const high = isLittleEndian ? 1 : 0;
const low = 1 - high;
/** Exponent and three bits of the fraction of 2^-30. */
const first = (octave_first + 1_023) * stepsPerOctave;

/**
 * The step of a value: exponent and first three bits of the fraction are its number already (IEEE 754).
 *
 * @returns -1 for what is at most 2^-30, zero included, and `steps` for what is above 2^40.
 */
export function stepOf(value: number): number {
  if (!(value > 0)) return -1;
  value_bits[0] = value;
  // One less in the last place, so that the upper end of a step belongs to it.
  const upper = words[low] === 0 ? words[high]! - 1 : words[high]!;
  const step = (upper >>> 17) - first;
  return step < 0 ? -1 : step < steps ? step : steps;
}

/** The upper end of a step, included. */
export function upperEnd(step: number): number {
  const next = step + 1;
  const octave = Math.floor(next / stepsPerOctave);
  return 2 ** (octave_first + octave) * (1 + (next % stepsPerOctave) / stepsPerOctave);
}

/** A histogram as it was read: only the octaves that have values. */
export interface Distribution {
  readonly sum: number;
  /** Values below the grid, and above it. */
  readonly below: number;
  readonly above: number;
  /** In ascending order; `counts` by step within the octave. */
  readonly octaves: readonly { readonly octave: number; readonly counts: Float64Array }[];
}

export function countOf({ below, above, octaves: filled }: Distribution): number {
  let count = below + above;
  for (const { counts } of filled) for (const one of counts) count += one;
  return count;
}

/** Where a line is within its chunk (`MetricStore.chunks`). */
export function cellAt(line: number, cell = 0): number {
  return (line & (linesPerChunk - 1)) * cellsPerLine + cell;
}

const linesPerChunk = 1 << lineBits;
