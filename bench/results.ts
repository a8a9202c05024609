/** The shape of bench/results/latest.json. */
import type { Machine } from "./harness/machine.ts";
import type { Options } from "./options.ts";

export interface Report {
  machine: Machine;
  options: Options;
  scenarios: ScenarioResult[];
  start: Row<Sample>[];
  memory: Row<MemorySample>[];
  bigBody: Row<BigBodySample>[];
  define: Row<Sample>[];
  micro: Row<Sample>[];
  channel: Row<ChannelSample>[];
  /** Published by four processes together; latencies to each of the others. */
  bus: Row<ChannelSample>[];
  targets: TargetRow[];
}

/** A measured subject, or why there is no figure. A failed one makes the run end with an error. */
export type Row<Measured> =
  | ({ state: "measured"; label: string } & Measured)
  | { state: "skipped" | "failed"; label: string; reason: string };

export interface ScenarioResult {
  name: string;
  title: string;
  /** The first row is the control. */
  rows: Row<HttpSample>[];
}

export interface HttpFigures {
  requestsPerSecond: number;
  p50Microseconds: number;
  p99Microseconds: number;
  /** Server processor time per request. */
  userMicroseconds: number;
  systemMicroseconds: number;
  residentBytes: number;
  /** Share of the time in which the server's processor was its own: below about 0.95 the driver set the pace. */
  busy: number;
}

export interface HttpSample {
  /** Median of each figure over the rounds. */
  figures: HttpFigures;
  rounds: HttpFigures[];
}

/** One kind of figure, measured several times: milliseconds or nanoseconds, as the table says. */
export interface Sample {
  routes?: number;
  median: number;
  rounds: number[];
}

export interface MemorySample {
  /** Medians over the rounds, one for each number of requests. */
  at: { requests: number; residentBytes: number }[];
}

/** Medians over the rounds. */
export interface ChannelSample {
  messagesPerSecond: number;
  /** From sending to the consumer's hands, at 10,000 per second. */
  p50Microseconds: number;
  p99Microseconds: number;
  rounds: Omit<ChannelSample, "rounds">[];
}

export interface BigBodySample {
  bytes: number;
  /** Resident before the body, after a small one of its kind. */
  baseBytes: number;
  /** The most that was ever resident while the body was on its way, as the kernel kept it. The worst round. */
  peakBytes: number;
  seconds: number;
}

export interface TargetRow {
  what: string;
  target: string;
  measured: string;
  /** `undefined`: what it needs was not measured in this run. */
  met: boolean | undefined;
}

export function bothMicroseconds(figures: HttpFigures): number {
  return figures.userMicroseconds + figures.systemMicroseconds;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @returns undefined where there is nothing to divide by: a run too short for the clock counts no time at all. */
export function ratioOf(
  value: number | undefined,
  control: number | undefined,
): number | undefined {
  return value === undefined || !control ? undefined : value / control;
}

export function measured<Measured>(
  rows: readonly Row<Measured>[],
  label: string,
): ({ state: "measured"; label: string } & Measured) | undefined {
  return rows.find(
    (row): row is { state: "measured"; label: string } & Measured =>
      row.label === label && row.state === "measured",
  );
}
