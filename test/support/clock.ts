/** A clock in the hand of a test, for all that an app measures by the time of its segment. */
import type { BeforeHook } from "robyn";

export interface Clock {
  /** Nanoseconds. */
  now: number;
  pass(seconds: number): void;
  /** Puts the clock into the segment of the app: the first hook of all. */
  readonly hook: BeforeHook<Record<string, unknown>>;
}

export function handClock(): Clock {
  const clock: Clock = {
    now: 1e12,
    pass(seconds) {
      clock.now += seconds * 1e9;
    },
    hook({ segment }) {
      if (!Object.hasOwn(segment, "now"))
        Object.defineProperty(segment, "now", { value: () => clock.now });
    },
  };
  return clock;
}
