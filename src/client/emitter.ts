/** Listeners by name. One that throws is reported, and the others are still called. */

type Listener<Event> = (event: Event) => void;

export class Emitter<Events extends object> {
  readonly #listeners: { [Name in keyof Events]: Set<Listener<Events[Name]>> };

  constructor(listeners: { [Name in keyof Events]: Set<Listener<Events[Name]>> }) {
    this.#listeners = listeners;
  }

  /** @returns what takes the listener away again. @throws TypeError for a name that does not exist */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    if (!Object.hasOwn(this.#listeners, name))
      throw new TypeError(
        `there is no event "${String(name)}", only ${Object.keys(this.#listeners).join(", ")}`,
      );
    const listeners = this.#listeners[name];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  has(name: keyof Events): boolean {
    return this.#listeners[name].size > 0;
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of this.#listeners[name]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
