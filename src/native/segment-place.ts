/** How a listener learns of the segment of its cluster: by an environment variable that the primary sets. */
import type { SegmentPlace } from "./core.ts";

/** `<descriptor>,<slot>`, both decimal. */
export const segmentVariable = "ROBYN_SEGMENT";

/** Answers of another version of the application are not answers of this one. The cluster sets it with each deploy. */
export const generation: string = process.env.ROBYN_GENERATION || "0";

export function writeSegmentPlace(descriptor: number, slot: number): string {
  return `${descriptor},${slot}`;
}

let taken = false;

/**
 * The place of the application of this listener. A second application in the same process gets memory of its own: both
 * may have limits and routes of the same names.
 */
export function takeSegmentPlace(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SegmentPlace {
  const found = find(environment);
  if (found === undefined) return { descriptor: undefined, slot: 0 };
  taken = true;
  return found;
}

/** Whether `takeSegmentPlace` would give one that others share. */
export function hasSegmentPlace(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return find(environment) !== undefined;
}

function find(environment: Readonly<Record<string, string | undefined>>): SegmentPlace | undefined {
  const found = /^(\d+),(\d+)$/.exec(environment[segmentVariable] ?? "");
  if (found === null || taken) return undefined;
  return { descriptor: Number(found[1]), slot: Number(found[2]) };
}
