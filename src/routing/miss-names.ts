/**
 * Injected names where no route answers. The context of a miss has those of the app; hooks of SubRouters that cover the
 * path may have more, each its own, so they are given the context through a view.
 */
import { viewOf } from "../injection/context-class.ts";
import type { Injected } from "../injection/scopes.ts";
import type { AfterHook, AnyState, BeforeHook } from "./route.ts";

/** How the hooks of one scope see the context. */
export interface Sight {
  readonly before: (hook: BeforeHook<AnyState>) => BeforeHook<AnyState>;
  readonly after: (hook: AfterHook<AnyState>) => AfterHook<AnyState>;
}

/** @param ofMiss names of the app. */
export function sightOf(own: Injected, ofMiss: Injected): Sight {
  if (own === ofMiss) return { before: (hook) => hook, after: (hook) => hook };
  const view = viewOf(own.dependencies);
  return {
    before: (hook) => (context) => hook(view(context)),
    after: (hook) => (response, context) => hook(response, view(context)),
  };
}
