/** Waiting for conditions. A fixed sleep is either too short on a busy machine or too long on an idle one. */

/** Far above what any step takes on two busy cores, below the 5 s that `bun test` gives a test. */
export const patience_ms = 4_000;

/**
 * Polls until `condition` gives something other than `false`, `null` or `undefined`, and returns it.
 *
 * @throws Error naming `what` when the deadline passes.
 */
export async function until<Value>(
  what: string | (() => string),
  condition: () => Value | Promise<Value>,
  deadline_ms = patience_ms,
): Promise<Exclude<Value, false | null | undefined>> {
  const end = performance.now() + deadline_ms;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined)
      return value as Exclude<Value, false | null | undefined>;
    if (performance.now() > end) throw inVain(what, deadline_ms);
    await Bun.sleep(2);
  }
}

/** `promise`, or an error naming `what` when the deadline passes first. */
export async function within<Value>(
  what: string | (() => string),
  promise: Promise<Value>,
  deadline_ms = patience_ms,
): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(inVain(what, deadline_ms)), deadline_ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A function is asked only now: what was received until the deadline says more than what was at the beginning. */
function inVain(what: string | (() => string), deadline_ms: number): Error {
  return new Error(
    `waited ${deadline_ms} ms in vain for ${typeof what === "string" ? what : what()}`,
  );
}
