/**
 * The dependencies of an application: those that are made once per process come and go here, and tests put others in
 * their place. Made is in the order of definition, outer routers first, one after the other; let go of in the reverse.
 */
import { RobynError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { type Dependencies, Dependency } from "./dependency.ts";
import { AppValues } from "./app-values.ts";
import type { Injection } from "./injection.ts";
import { PerRequest } from "./providers.ts";
import type { Household, RequestValues } from "./request-values.ts";

/** How long a stop waits for what requests that were cut still hold. */
const patience_ms = 1_000;

export class AppDependencies implements Household {
  readonly logger: () => Logger;
  readonly live = new Set<RequestValues>();
  #nextTurn: (() => void)[] = [];
  readonly #dependencies = new Map<Injection, Dependency>();
  readonly #replacements = new Map<string, unknown>();
  readonly #values: AppValues;
  #making: Promise<void> | undefined;

  constructor(logger: () => Logger) {
    this.logger = logger;
    this.#values = new AppValues(logger);
  }

  /** The one of a definition; a router that is included twice has the same in both places. */
  of(injection: Injection, visible: Dependencies): Dependency {
    const known = this.#dependencies.get(injection);
    if (known !== undefined) return known;
    const dependency = new Dependency(injection, visible, this);
    const { name } = injection;
    if (this.#replacements.has(name)) dependency.use(this.#replacements.get(name));
    this.#dependencies.set(injection, dependency);
    return dependency;
  }

  /**
   * Makes what is not made yet. If that fails, what was made is let go of, and who asks later tries again.
   * @throws RobynError ROBYN_INJECTION_FAILED, ROBYN_INJECTION_CYCLE
   */
  make(): Promise<void> {
    return (this.#making ??= this.#makeAll());
  }

  async #makeAll(): Promise<void> {
    try {
      for (const dependency of this.#dependencies.values()) await this.#values.provide(dependency);
    } catch (error) {
      await this.#values.clear();
      this.#making = undefined;
      throw error;
    }
  }

  /** Lets go of everything; what is asked for later is made anew. Never throws: what fails is told to the log. */
  async dispose(): Promise<void> {
    await this.#making?.catch(() => {});
    this.#making = undefined;
    await this.#endRequests();
    await this.#values.clear();
  }

  /** One timer for all requests that end in a turn. */
  later(letGo: () => void): void {
    this.#nextTurn.push(letGo);
    if (this.#nextTurn.length > 1) return;
    setImmediate(() => {
      const due = this.#nextTurn;
      this.#nextTurn = [];
      for (const one of due) one();
    });
  }

  async #endRequests(): Promise<void> {
    if (this.live.size === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(resolve, patience_ms, "late");
    const ended = Promise.all([...this.live].map((values) => values.end()));
    if ((await Promise.race([ended, late])) === "late")
      this.logger().warn("requests hold dependencies that take too long to be disposed of");
    clearTimeout(timer);
  }

  /**
   * Puts other values or providers in the place of injected ones, by name.
   * @param injections all that the application has.
   * @returns puts the former ones back
   * @throws RobynError ROBYN_INJECTION_INVALID
   */
  replace(
    given: Readonly<Record<string, unknown>>,
    injections: readonly Injection[],
  ): () => Promise<void> {
    const names = Object.keys(given);
    for (const name of names) this.#checkReplacement(name, given[name], injections);
    for (const name of names) this.#replacements.set(name, given[name]);
    this.#use(names, (name) => given[name]);
    return async () => {
      for (const name of names) this.#replacements.delete(name);
      await this.#making?.catch(() => {});
      await this.#values.clear(names.map((name) => given[name]));
      this.#use(names, (_, { injection }) => injection.given);
    };
  }

  #use(names: readonly string[], choose: (name: string, dependency: Dependency) => unknown): void {
    for (const dependency of this.#dependencies.values())
      if (names.includes(dependency.name)) dependency.use(choose(dependency.name, dependency));
    this.#making = undefined;
  }

  #checkReplacement(name: string, given: unknown, injections: readonly Injection[]): void {
    const refuse = (what: string, fix: string): never => {
      throw new RobynError("ROBYN_INJECTION_INVALID", `A test replaces "${name}", ${what}.`, fix);
    };
    const originals = injections.filter((injection) => injection.name === name);
    const names = [...new Set(injections.map((injection) => injection.name))];
    if (originals.length === 0)
      refuse(
        "which the application does not inject",
        names.length === 0 ? "It injects nothing." : `It injects ${names.join(", ")}.`,
      );
    if (this.#replacements.has(name))
      refuse(
        "which another client has replaced already",
        "Close that client first: `await using` does.",
      );
    // Routes that have nothing per request do not look whether a request has ended.
    if (given instanceof PerRequest && !originals.every((it) => it.given instanceof PerRequest))
      refuse("which is not made per request, by one that is", "Give a value or perApp(…).");
  }
}
