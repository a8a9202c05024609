/** How a listener learns of the segment of its cluster: by an environment variable that the primary sets. */
import type { SegmentPlace } from "./core.ts";

/** `<descriptor>,<slot>`, both decimal. */
export const segmentVariable = "ROBYN_SEGMENT";

export function writeSegmentPlace(descriptor: number, slot: number): string {
  return `${descriptor},${slot}`;
}

/**
 * The place of the application of this listener. A second application in the same process gets memory of its own: both
 * may have limits and routes of the same names.
 */
export function takeSegmentPlace(
  environment: Record<string, string | undefined> = process.env,
): SegmentPlace {
  const found = /^(\d+),(\d+)$/.exec(environment[segmentVariable] ?? "");
  if (found === null) return { descriptor: undefined, slot: 0 };
  // What this process starts has other descriptors.
  delete environment[segmentVariable];
  return { descriptor: Number(found[1]), slot: Number(found[2]) };
}
