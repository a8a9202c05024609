/** Which hooks run for a route, and which where no route answers: decided at start, but for patterns that the path decides. */
import { addMissing } from "../http/header.ts";
import { coverage, matchPattern, type Pattern } from "../http/pattern.ts";
import type { InjectedScopes } from "../injection/scopes.ts";
import { guardBody } from "../request/body-limit.ts";
import type { CompileOptions } from "./compile-options.ts";
import type { ChainParts } from "./compose.ts";
import type { Deadlines } from "./deadline.ts";
import { takesBody, timeoutOf } from "./limits.ts";
import { sightOf } from "./miss-names.ts";
import type { PatternCache } from "./sharing.ts";
import { unlessSwitched } from "./socket-endpoint.ts";
import type {
  AfterHook,
  AnyContext,
  AnyState,
  BeforeHook,
  Route,
  Scope,
  ScopedHook,
} from "./route.ts";

export interface HookParts {
  readonly patterns: PatternCache;
  readonly deadlines: Deadlines;
  readonly injected: InjectedScopes;
}

/** Hooks and exception handlers of a route, of all its scopes; outermost first on the way in, last on the way out. */
export function partsOfRoute(
  route: Route,
  pattern: Pattern,
  { patterns, deadlines }: HookParts,
  { outermost, limits, optionHooks }: CompileOptions,
): ChainParts {
  const before = route.scopes.flatMap((scope) =>
    select(scope.before, pattern, patterns, onlyBefore),
  );
  const scoped = route.scopes.flatMap((scope) => select(scope.after, pattern, patterns, onlyAfter));
  const after = [
    ...toList(outermost),
    ...scoped,
    ...headersHook(route.options.responseHeaders),
    ...toList(route.options.afterRequest),
  ].reverse();
  return {
    before: [...before, ...toList(route.options.beforeRequest), ...optionHooks(route)],
    after: route.socket === undefined ? after : after.map(unlessSwitched),
    exceptions: route.scopes.flatMap((scope) => scope.exceptions).reverse(),
    status: route.options.statusCode ?? 200,
    deadline: deadlines.of(timeoutOf(route, limits)),
  };
}

/**
 * For a miss there is no route to compare with, so patterns are tried per request, and the hooks of a SubRouter
 * apply below its prefix. A SubRouter without prefix has no region: its hooks belong to its routes alone.
 */
export function partsOfMiss(
  scopes: readonly Scope[],
  { patterns, deadlines, injected }: HookParts,
  { outermost, limits }: CompileOptions,
): ChainParts {
  const regions = scopes.filter((scope, index) => index === 0 || scope.prefix !== "");
  const below = <Hook>(
    hooks: readonly ScopedHook<Hook>[],
    { prefix }: Scope,
    seeing: (hook: Hook) => Hook,
  ): ScopedHook<Hook>[] =>
    hooks.map(({ hook, pattern }) => ({
      hook: seeing(hook),
      pattern: pattern ?? (prefix === "" ? undefined : `${prefix}/*`),
    }));
  const sights = new Map(
    regions.map((scope) => [scope, sightOf(injected.of(scope), injected.of(scopes[0]))]),
  );
  const before = regions.flatMap((scope) =>
    select(below(scope.before, scope, sights.get(scope)!.before), undefined, patterns, onlyBefore),
  );
  return {
    before: before.length === 0 ? [] : [guardMiss, ...before],
    after: [
      ...toList(outermost),
      ...regions.flatMap((scope) =>
        select(below(scope.after, scope, sights.get(scope)!.after), undefined, patterns, onlyAfter),
      ),
    ].reverse(),
    exceptions: [...(scopes[0]?.exceptions ?? [])].reverse(),
    status: 200,
    deadline: deadlines.of(limits.timeout),
  };
}

/** A hook may read the body, also where no route does. */
function guardMiss(context: AnyContext): undefined | Promise<undefined> {
  return takesBody(context.method) ? guardBody(context) : undefined;
}

/** The hooks that can apply to a route: as they are where they always do, with a check where the path decides. */
function select<Hook>(
  hooks: readonly ScopedHook<Hook>[],
  route: Pattern | undefined,
  patterns: PatternCache,
  only: (pattern: Pattern, hook: Hook) => Hook,
): Hook[] {
  const selected: Hook[] = [];
  for (const { hook, pattern: source } of hooks) {
    if (source === undefined) {
      selected.push(hook);
      continue;
    }
    const pattern = patterns.parse(source);
    const relation = route === undefined ? "depends" : coverage(pattern, route);
    if (relation === "always") selected.push(hook);
    if (relation === "depends") selected.push(only(pattern, hook));
  }
  return selected;
}

function onlyBefore(pattern: Pattern, hook: BeforeHook<AnyState>): BeforeHook<AnyState> {
  return (context) => (covers(pattern, context) ? hook(context) : undefined);
}

function onlyAfter(pattern: Pattern, hook: AfterHook<AnyState>): AfterHook<AnyState> {
  return (response, context) => (covers(pattern, context) ? hook(response, context) : undefined);
}

function covers(pattern: Pattern, context: AnyContext): boolean {
  const path = context.canonicalPath;
  return path !== undefined && matchPattern(pattern, path) !== undefined;
}

function headersHook(headers: Readonly<Record<string, string>> | undefined): AfterHook<AnyState>[] {
  if (headers === undefined) return [];
  const fields = Object.entries(headers);
  return [(response) => addMissing(response.headers, fields)];
}

function toList<Item>(value: Item | readonly Item[] | undefined): readonly Item[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Item];
}
