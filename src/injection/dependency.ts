/** An injected name while the application runs: where its value lies, or who makes it. Tests may put another one in its place. */
import type { Context } from "../request/context.ts";
import type { Injection } from "./injection.ts";
import { PerApp, PerRequest } from "./providers.ts";
import { type Household, valuesOf } from "./request-values.ts";

export class Dependency {
  readonly name: string;
  readonly injection: Injection;
  /** What factories of its router are given. */
  readonly visible: ReadonlyMap<string, Dependency>;
  readonly #household: Household;
  /** The value itself; of one per app as soon as it is made. */
  value: unknown;
  #perApp: PerApp | undefined;
  #perRequest: PerRequest | undefined;

  constructor(
    injection: Injection,
    visible: ReadonlyMap<string, Dependency>,
    household: Household,
  ) {
    this.name = injection.name;
    this.injection = injection;
    this.visible = visible;
    this.#household = household;
    this.use(injection.given);
  }

  get perApp(): PerApp | undefined {
    return this.#perApp;
  }

  get isPerRequest(): boolean {
    return this.#perRequest !== undefined;
  }

  /** Takes a value or a provider. */
  use(given: unknown): void {
    this.#perApp = given instanceof PerApp ? given : undefined;
    this.#perRequest = given instanceof PerRequest ? given : undefined;
    this.value = this.#perApp === undefined && this.#perRequest === undefined ? given : undefined;
  }

  /** The value for a request; those that are not made per request do not look at it. */
  of(context: Context): unknown {
    return this.#perRequest === undefined
      ? this.value
      : valuesOf(context, this.#household).get(this.#perRequest, this.name, context);
  }
}

export type Dependencies = ReadonlyMap<string, Dependency>;

export const noDependencies: Dependencies = new Map();

export function hasRequestValues(dependencies: Dependencies): boolean {
  return dependencies.values().some(({ isPerRequest }) => isPerRequest);
}

/** Gives `prototype` a getter per name, so that what is not asked for costs nothing. */
export function defineGetters<Holder extends object>(
  prototype: Holder,
  dependencies: Dependencies,
  contextOf: (holder: Holder) => Context,
): void {
  for (const dependency of dependencies.values()) {
    Object.defineProperty(prototype, dependency.name, {
      configurable: true,
      get(this: Holder) {
        return dependency.isPerRequest ? dependency.of(contextOf(this)) : dependency.value;
      },
    });
  }
}
