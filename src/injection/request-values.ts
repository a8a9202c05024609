/**
 * What factories have made for one request, and its end. A value is made at most once; what is let go of goes in the
 * reverse of the order in which the values were ready, so that none loses what it was made with.
 */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type Context, held } from "../request/context.ts";
import { disposalOf, type PerRequest } from "./providers.ts";

/** What the requests of an application share. */
export interface Household {
  readonly logger: () => Logger;
  /** Those that hold something: a server that stops lets go of it before it lets go of what lives longer. */
  readonly live: Set<RequestValues>;
  /** Calls it in the next turn, behind the answers that this one gives. */
  later(letGo: () => void): void;
}

/** One value, and behind it the next that was asked for. A request has few: a list of them is cheaper than a map. */
interface Entry {
  readonly provider: PerRequest;
  value: unknown;
  readonly next: Entry | undefined;
}

interface Disposal {
  readonly name: string;
  readonly dispose: () => unknown;
}

/** In the place of a value: its factory is running. */
const underWay: unique symbol = Symbol("under way");

/** In the place of a value: whoever asks again is told the same. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

export class RequestValues {
  readonly #household: Household | undefined;
  #entries: Entry | undefined;
  /** In the order in which the values were ready. */
  #disposals: Disposal[] | undefined;
  /** Promises of factories that are still at work. */
  #pending: Set<Promise<void>> | undefined;
  #isOver = false;
  #end: Promise<void> | undefined;

  /** @param household none: of a request that is over. */
  constructor(household: Household | undefined) {
    this.#household = household;
    this.#isOver = household === undefined;
  }

  /** Whether something has to be let go of, as far as is known. */
  get holds(): boolean {
    return this.#disposals !== undefined || this.#pending !== undefined;
  }

  /** @throws what the factory throws; RobynError ROBYN_INJECTION_CYCLE, ROBYN_INJECTION_TOO_LATE */
  get(provider: PerRequest, name: string, context: Context): unknown {
    for (let entry = this.#entries; entry !== undefined; entry = entry.next) {
      if (entry.provider !== provider) continue;
      if (entry.value === underWay) throw cycleError([name, name]);
      if (entry.value instanceof Failure) throw entry.value.error;
      return entry.value;
    }
    return this.#make(provider, name, context);
  }

  /** Lets go of everything, once. @returns undefined where there is nothing to wait for */
  end(): Promise<void> | undefined {
    if (this.#isOver || this.#end !== undefined) return this.#end;
    if (!this.holds) {
      this.#isOver = true;
      return undefined;
    }
    this.#household?.live.add(this);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#household?.later(() => resolve(this.#letGo()));
    return (this.#end = promise);
  }

  #make(provider: PerRequest, name: string, context: Context): unknown {
    if (this.#isOver) {
      throw new RobynError(
        "ROBYN_INJECTION_TOO_LATE",
        `"${name}" was first asked for when its request was over.`,
        "Ask for it before the answer is given: afterwards nobody would let go of it.",
      );
    }
    const entry: Entry = { provider, value: underWay, next: this.#entries };
    this.#entries = entry;
    try {
      const value = provider.makeFor(context as never);
      entry.value = value;
      if (value instanceof Promise) this.#expect(value, provider, name);
      else this.#keep(value, provider, name);
      return value;
    } catch (error) {
      entry.value = new Failure(error);
      throw error;
    }
  }

  /** A promise that fails is the business of who awaits it: if nobody does, it must not end the process. */
  #expect(promise: Promise<unknown>, provider: PerRequest, name: string): void {
    const settled = promise.then(
      (value) => this.#keep(value, provider, name),
      () => {},
    );
    const pending = (this.#pending ??= new Set());
    pending.add(settled);
    void settled.then(() => pending.delete(settled));
  }

  #keep(value: unknown, { options }: PerRequest, name: string): void {
    const dispose = disposalOf(value, options);
    if (dispose === undefined) return;
    (this.#disposals ??= []).push({ name, dispose });
    this.#household?.live.add(this);
  }

  async #letGo(): Promise<void> {
    // A factory that nobody has waited for may still ask for others.
    while (this.#pending !== undefined && this.#pending.size > 0) await Promise.all(this.#pending);
    this.#isOver = true;
    for (const { name, dispose } of this.#disposals?.toReversed() ?? []) {
      try {
        const result = dispose();
        if (result instanceof Promise) await result;
      } catch (error) {
        this.#household?.logger().error(`the dependency "${name}" could not be disposed of`, error);
      }
    }
    this.#household?.live.delete(this);
  }
}

/** The values of a request, its first use included. */
export function valuesOf(context: Context, household: Household): RequestValues {
  return (context[held] ??= new RequestValues(household));
}

/** Stands for the values of every request that has made none and is over. */
const over = new RequestValues(undefined);

/** The request is over: what was made for it is let go of. @returns undefined where there is nothing to wait for */
export function endRequest(context: Context): Promise<void> | undefined {
  return (context[held] ??= over).end();
}

export function holdsValues(context: Context): boolean {
  return context[held]?.holds === true;
}

/** @param path from the first name to itself. */
export function cycleError(path: readonly string[]): RobynError {
  const text =
    path.length === 2
      ? `"${path[0]}" is asked for by its own factory, or by what that asks for`
      : `they need each other to be made: ${path.join(" → ")}`;
  return new RobynError(
    "ROBYN_INJECTION_CYCLE",
    `Dependencies go round in a circle: ${text}.`,
    "Move what both need into a third one.",
  );
}
