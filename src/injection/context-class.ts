/** Contexts with names of their own: a class per scope, made once at start. */
import { Context, contextFields, held } from "../request/context.ts";
import type { Inputs, PlainInputs } from "../request/context.ts";
import { type Dependencies, defineGetters, hasRequestValues } from "./dependency.ts";
import type { RequestValues } from "./request-values.ts";

/** A scope without names has the plain class, and pays nothing. */
export function contextClassOf(dependencies: Dependencies): typeof Context {
  if (dependencies.size === 0) return Context;
  class InjectedContext<
    Params extends object = Record<string, string>,
    State extends object = Record<string, unknown>,
    Given extends Inputs = PlainInputs,
  > extends Context<Params, State, Given> {}
  defineGetters<Context>(InjectedContext.prototype, dependencies, (context) => context);
  // Only where something may have to be let go of behind a stream.
  if (hasRequestValues(dependencies))
    Object.defineProperty(InjectedContext.prototype, "noteOwnResponse", note);
  return InjectedContext;
}

const owned: unique symbol = Symbol("the application has made its response");

const note = {
  value(this: { [owned]?: true }, response: Response): Response {
    this[owned] = true;
    return response;
  },
};

/** Whether the application has made a response of its own for the request. */
export function ownsResponse(context: Context): boolean {
  return owned in context;
}

/** What a view looks at. */
const whole: unique symbol = Symbol("the context itself");

/**
 * The same context with the names of another scope, for hooks of SubRouters where no route answers: one request may then
 * pass hooks of several, each with names of its own. Each request has one view per scope.
 */
export function viewOf(dependencies: Dependencies): (context: Context) => Context {
  const prototype: Context & { [whole]?: Context } = Object.create(Context.prototype);
  const lookAt = (view: { [whole]?: Context }): Context => view[whole]!;
  for (const name of [...Object.getOwnPropertyNames(Context.prototype), ...contextFields]) {
    if (name === "constructor") continue;
    Object.defineProperty(prototype, name, {
      get(this: typeof prototype) {
        const context = lookAt(this);
        const value: unknown = Reflect.get(context, name);
        // Private members are those of the context, not of the view.
        return typeof value === "function" ? value.bind(context) : value;
      },
    });
  }
  // What is made for the request is the context's; its factories look through the view, at the names of their own router.
  Object.defineProperty(prototype, held, {
    get(this: typeof prototype) {
      return lookAt(this)[held];
    },
    set(this: typeof prototype, values: RequestValues) {
      lookAt(this)[held] = values;
    },
  });
  defineGetters(prototype, dependencies, (view) => view);
  const views = new WeakMap<Context, Context>();
  return (context) => {
    const known = views.get(context);
    if (known !== undefined) return known;
    const view: typeof prototype = Object.create(prototype, { [whole]: { value: context } });
    views.set(context, view);
    return view;
  };
}
