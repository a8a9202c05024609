/** Waiting for conditions. A fixed sleep is either too short on a busy machine or too long on an idle one. */

/** Far above what any step takes on two busy cores, below the time limit of a test. */
export const patience_ms = 10_000;

/**
 * Polls until `condition` gives something other than `false`, `null` or `undefined`, and returns it.
 *
 * @throws Error naming `what` when the deadline passes.
 */
export async function until<Value>(
  what: string,
  condition: () => Value | Promise<Value>,
  deadline_ms = patience_ms,
): Promise<Exclude<Value, false | null | undefined>> {
  const end = performance.now() + deadline_ms;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined)
      return value as Exclude<Value, false | null | undefined>;
    if (performance.now() > end) throw new Error(`waited ${deadline_ms} ms in vain for ${what}`);
    await Bun.sleep(2);
  }
}

/** `promise`, or an error naming `what` when the deadline passes first. */
export async function within<Value>(
  what: string,
  promise: Promise<Value>,
  deadline_ms = patience_ms,
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`waited ${deadline_ms} ms in vain for ${what}`)),
    deadline_ms,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
