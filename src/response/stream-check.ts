/** What `sse()` and `jsonLines()` are given, checked where it stands and not when it is sent. */

/** @throws TypeError for a source that cannot be iterated and for an option that is unknown. */
export function checkStream(
  helper: string,
  source: unknown,
  options: object,
  known: readonly string[],
): void {
  const isSource =
    typeof source === "function" ||
    (typeof source === "object" &&
      source !== null &&
      (Symbol.asyncIterator in source || Symbol.iterator in source));
  if (!isSource)
    throw new TypeError(
      `${helper}() was given ${Bun.inspect(source)}; it takes an iterable, or a function that returns one`,
    );
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TypeError(
      `${helper}() was given the unknown option "${unknown}"; it takes ${known.join(", ")}`,
    );
}
