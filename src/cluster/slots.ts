/** Small numbers for listeners: unique among those alive, and few, because shared memory has one record for each. */

export class Slots {
  readonly #isTaken: boolean[];

  /** During a reload old and new overlap: twice the listeners, and two beside. */
  constructor(listeners: number) {
    this.#isTaken = new Array<boolean>(2 * listeners + 2).fill(false);
  }

  /** How many there are at most. */
  get capacity(): number {
    return this.#isTaken.length;
  }

  /** @returns the lowest free ones, or undefined if there are not enough: then somebody has to end first. */
  take(count: number): number[] | undefined {
    const free = this.#isTaken.flatMap((taken, slot) => (taken ? [] : [slot])).slice(0, count);
    if (free.length < count) return undefined;
    for (const slot of free) this.#isTaken[slot] = true;
    return free;
  }

  /** Only after the process has ended: until then it may still write where the slot points. */
  give(slots: readonly number[]): void {
    for (const slot of slots) this.#isTaken[slot] = false;
  }
}
