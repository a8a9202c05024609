/** How a listener learns of the segment of its cluster: by an environment variable that the primary sets. */
import type { Logger } from "../logger.ts";
import type { Core, Segment, SegmentPlace } from "./core.ts";

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

/** The segment of one application: one that shares nothing maps nothing. */
export function openOnce(core: () => Core, logger: () => Logger): () => Segment {
  let segment: Segment | undefined;
  const open = (): Segment => {
    const place = takeSegmentPlace();
    const opened = core().openSegment(place);
    if (place.descriptor !== undefined && !opened.shared) {
      logger().warn(
        `the ${core().name} core shares nothing with the other processes of this cluster: limits, caches and counters are of each process alone`,
      );
    }
    return opened;
  };
  return () => (segment ??= open());
}
