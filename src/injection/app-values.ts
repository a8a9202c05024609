/** Values that are made once per process: which there are, who is under way, and the order in which they go. */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type Dependency } from "./dependency.ts";
import { type Injection } from "./injection.ts";
import { disposalOf, PerApp } from "./providers.ts";
import { cycleError } from "./request-values.ts";

/** One that is made, or about to be. */
interface Making {
  readonly name: string;
  /** What its factory has returned. */
  result: unknown;
  isMade: boolean;
}

export class AppValues {
  readonly #logger: () => Logger;
  readonly #byProvider = new Map<PerApp, Making>();
  /** In the order in which they were ready. */
  readonly #made: PerApp[] = [];

  constructor(logger: () => Logger) {
    this.#logger = logger;
  }

  /**
   * Gives a dependency its value, made now unless it is there.
   * @throws RobynError ROBYN_INJECTION_FAILED, ROBYN_INJECTION_CYCLE
   */
  async provide(dependency: Dependency): Promise<void> {
    const { perApp } = dependency;
    if (perApp === undefined) return;
    const making = this.#byProvider.get(perApp) ?? this.#begin(dependency, perApp, []);
    if (!making.isMade) {
      try {
        const value = await making.result;
        // Two may have waited for it.
        if (!making.isMade) this.#settle(making, perApp, value);
      } catch (error) {
        throw failed(dependency, error);
      }
    }
    dependency.value = making.result;
  }

  /** Lets go of those that were made by `providers`, or of all. */
  async clear(providers?: readonly unknown[]): Promise<void> {
    for (const provider of this.#made.toReversed()) {
      if (providers?.includes(provider) === false) continue;
      const making = this.#byProvider.get(provider)!;
      this.#byProvider.delete(provider);
      this.#made.splice(this.#made.indexOf(provider), 1);
      await this.#letGo(making.name, disposalOf(making.result, provider.options));
    }
    if (providers !== undefined) return;
    for (const [{ options }, { name, result }] of this.#byProvider) {
      // Begun for a start that has failed meanwhile: nobody will have it.
      if (!(result instanceof Promise)) continue;
      result.then(
        (value) => this.#letGo(name, disposalOf(value, options)),
        () => {},
      );
    }
    this.#byProvider.clear();
  }

  async #letGo(name: string, dispose: (() => unknown) | undefined): Promise<void> {
    try {
      await dispose?.();
    } catch (error) {
      this.#logger().error(`the dependency "${name}" could not be disposed of`, error);
    }
  }

  /** @param path those whose factories are waiting for this one. */
  #begin(dependency: Dependency, perApp: PerApp, path: readonly Dependency[]): Making {
    const making: Making = { name: dependency.name, result: undefined, isMade: false };
    this.#byProvider.set(perApp, making);
    try {
      making.result = perApp.make(this.#known(dependency, [...path, dependency]) as never);
    } catch (error) {
      this.#byProvider.delete(perApp);
      throw failed(dependency, error);
    }
    if (making.result instanceof Promise) making.result.catch(() => {});
    else this.#settle(making, perApp, making.result);
    return making;
  }

  #settle(making: Making, perApp: PerApp, value: unknown): void {
    making.result = value;
    making.isMade = true;
    this.#made.push(perApp);
  }

  /** What a factory is given: the names of its router, each looked up when it is asked for. */
  #known(dependency: Dependency, path: readonly Dependency[]): object {
    const known: object = Object.create(null);
    for (const [name, other] of dependency.visible)
      Object.defineProperty(known, name, {
        enumerable: true,
        get: () => this.#read(other, path),
      });
    return known;
  }

  #read(asked: Dependency, path: readonly Dependency[]): unknown {
    if (asked.isPerRequest)
      throw refusal(asked, path, "is made per request", "Make the one that asks per request, too.");
    const { perApp } = asked;
    if (perApp === undefined) return asked.value;
    if (path.some((one) => one.perApp === perApp))
      throw cycleError([...path, asked].map(({ name }) => name));
    const making = this.#byProvider.get(perApp) ?? this.#begin(asked, perApp, path);
    if (making.isMade) return making.result;
    throw refusal(
      asked,
      path,
      "is asynchronous and comes later",
      "Inject it before the one that asks, or in a router around it.",
    );
  }
}

function refusal(
  asked: Dependency,
  path: readonly Dependency[],
  what: string,
  fix: string,
): RobynError {
  return new RobynError(
    "ROBYN_INJECTION_FAILED",
    `The factory of "${path.at(-1)!.name}" asks for "${asked.name}", which ${what}.`,
    fix,
  );
}

function failed({ name }: Injection | Dependency, cause: unknown): RobynError {
  if (cause instanceof RobynError) return cause;
  const why = cause instanceof Error ? cause.message : Bun.inspect(cause);
  return new RobynError(
    "ROBYN_INJECTION_FAILED",
    `The dependency "${name}" could not be made: ${why}.`,
    "Give its factory what it needs: nothing is answered before everything that is injected is there.",
    { cause },
  );
}
