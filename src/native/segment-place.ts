/** How a listener learns of the segment of its cluster: by an environment variable that the primary sets. */
import type { Core, Segment, SegmentPlace } from "./core.ts";

/** `<descriptor>,<slot>`, both decimal. */
export const segmentVariable = "ROBYN_SEGMENT";

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
  const found = /^(\d+),(\d+)$/.exec(environment[segmentVariable] ?? "");
  if (found === null || taken) return { descriptor: undefined, slot: 0 };
  taken = true;
  return { descriptor: Number(found[1]), slot: Number(found[2]) };
}

/** The segment of one application: one that shares nothing maps nothing. */
export function openOnce(core: () => Core): () => Segment {
  let segment: Segment | undefined;
  return () => (segment ??= core().openSegment(takeSegmentPlace()));
}
