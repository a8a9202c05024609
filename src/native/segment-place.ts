/** How a listener learns of the segment of its cluster: by an environment variable that the primary sets. */
import type { Logger } from "../logger.ts";
import type { Core, Segment, SegmentPlace } from "./core.ts";

/** `<descriptor>,<slot>,<process id of the primary>`, all decimal. */
export const segmentVariable = "ROBYN_SEGMENT";
/** A number that every deploy changes. */
export const generationVariable = "ROBYN_GENERATION";

/** Answers of another version of the application are not answers of this one. */
export const generation: string = process.env[generationVariable] || "0";

/** @param primary parent of the process that the listener runs in. */
export function writeSegmentPlace(descriptor: number, slot: number, primary = process.pid): string {
  return `${descriptor},${slot},${primary}`;
}

/**
 * The place of the application of this listener. A second application in the same process gets memory of its own: both
 * may have limits and routes of the same names.
 */
export function takeSegmentPlace(): SegmentPlace {
  const place = findPlace();
  if (place === undefined) return { descriptor: undefined, slot: 0 };
  taken = true;
  return place;
}

let taken = false;

/** A child of the worker may inherit the variable, but not the descriptor: it has another parent. */
function findPlace(): SegmentPlace | undefined {
  const found = /^(\d+),(\d+),(\d+)$/.exec(process.env[segmentVariable] ?? "");
  if (found === null || taken || Number(found[3]) !== process.ppid) return undefined;
  return { descriptor: Number(found[1]), slot: Number(found[2]) };
}

/** The segment of one application: one that shares nothing maps nothing. */
export interface LazySegment {
  (): Segment;
  /** Whether other listeners see it, or would. */
  isShared(): boolean;
}

/** @param cacheBytes memory for cached responses, where the segment is made here. */
export function openOnce(
  core: () => Core,
  logger: () => Logger,
  cacheBytes: () => number,
): LazySegment {
  let segment: Segment | undefined;
  const open = (): Segment => {
    const place = takeSegmentPlace();
    const opened = core().openSegment(place, cacheBytes());
    if (place.descriptor !== undefined && !opened.shared) {
      logger().warn(
        `the ${core().name} core shares nothing with the other processes of this cluster: limits, caches and counters are of each process alone`,
      );
    }
    return opened;
  };
  return Object.assign(() => (segment ??= open()), {
    isShared: () => segment?.shared ?? findPlace() !== undefined,
  });
}
