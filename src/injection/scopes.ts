/** Which names a router has: its own and those of the routers around it. Each name once on the way to a route. */
import { RobynError } from "../errors.ts";
import type { Context } from "../request/context.ts";
import type { AppDependencies } from "./app-dependencies.ts";
import { contextClassOf } from "./context-class.ts";
import { type Dependencies, type Dependency, noDependencies } from "./dependency.ts";
import type { Injection } from "./injection.ts";

/** What contexts of a scope are made with; scopes without names of their own share that of the one around them. */
export interface Injected {
  readonly dependencies: Dependencies;
  readonly contextClass: typeof Context;
}

interface InjectingScope {
  readonly injections: readonly Injection[];
  readonly outer: InjectingScope | undefined;
}

export class InjectedScopes {
  readonly #app: AppDependencies;
  readonly #locate: (definedAt: Error) => string | undefined;
  readonly #known = new Map<InjectingScope, Injected>();
  readonly #nothing: Injected = {
    dependencies: noDependencies,
    contextClass: contextClassOf(noDependencies),
  };

  /** @param locate says where something was defined, for messages. */
  constructor(app: AppDependencies, locate: (definedAt: Error) => string | undefined) {
    this.#app = app;
    this.#locate = locate;
  }

  /** @throws RobynError ROBYN_INJECTION_CONFLICT */
  of(scope: InjectingScope | undefined): Injected {
    if (scope === undefined) return this.#nothing;
    const known = this.#known.get(scope);
    if (known !== undefined) return known;
    const injected = this.#within(this.of(scope.outer), scope);
    this.#known.set(scope, injected);
    return injected;
  }

  #within(outer: Injected, { injections }: InjectingScope): Injected {
    if (injections.length === 0) return outer;
    const dependencies = new Map<string, Dependency>(outer.dependencies);
    for (const injection of injections) {
      const other = dependencies.get(injection.name);
      if (other !== undefined) throw this.#conflict(injection, other.injection);
      dependencies.set(injection.name, this.#app.of(injection, dependencies));
    }
    return { dependencies, contextClass: contextClassOf(dependencies) };
  }

  #conflict(injection: Injection, other: Injection): RobynError {
    const place = ({ definedAt }: Injection) => this.#locate(definedAt) ?? "an unknown place";
    return new RobynError(
      "ROBYN_INJECTION_CONFLICT",
      `"${injection.name}" is injected twice on the way to a route: at ${place(other)} and at ${place(injection)}.`,
      "Give one of them another name.",
    );
  }
}
