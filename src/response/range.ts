/** Byte ranges (RFC 9110 §14). */

/** Positions of the first and of the last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Most ranges of one request. A download manager asks for a few; a request for hundreds of small or overlapping ones
 * only makes the server work (RFC 9110 §17.15).
 */
export const ranges_max = 16;

/**
 * Reads `Range` for a file of `size` bytes, in time linear to the header.
 *
 * @returns the ranges to send, in the order asked for; `"unsatisfiable"` for 416; or `"ignore"` for the whole file,
 * which RFC 9110 §14.2 always allows: for another unit, a malformed header, more than `ranges_max` ranges, ranges
 * that overlap, and an empty file, of which no part can be named.
 */
export function parseRanges(
  header: string,
  size: number,
): ByteRange[] | "ignore" | "unsatisfiable" {
  const set = /^\s*bytes\s*=(.*)$/i.exec(header)?.[1];
  if (set === undefined || size === 0) return "ignore";
  const members = set.split(",", ranges_max + 1).map((member) => member.trim());
  if (members.length > ranges_max || members.every((member) => member === "")) return "ignore";
  const ranges: ByteRange[] = [];
  for (const member of members) {
    if (member === "") continue; // RFC 9110 §5.6.1.2: empty elements of a list are passed over
    const range = parseRange(member, size);
    if (range === "invalid") return "ignore";
    if (range !== "unsatisfiable") ranges.push(range);
  }
  if (ranges.length === 0) return "unsatisfiable";
  return overlap(ranges) ? "ignore" : ranges;
}

/** Digits without number: a position of a thousand digits is `Infinity`, which is beyond the end like any other. */
function parseRange(member: string, size: number): ByteRange | "invalid" | "unsatisfiable" {
  const found = /^(\d*)-(\d*)$/.exec(member);
  if (found === null || member === "-") return "invalid";
  const [, from = "", to = ""] = found;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  if (last < first) return "invalid";
  return first >= size ? "unsatisfiable" : { first, last: Math.min(last, size - 1) };
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = ranges.toSorted((left, right) => left.first - right.first);
  return sorted.some((range, index) => index > 0 && range.first <= sorted[index - 1]!.last);
}
